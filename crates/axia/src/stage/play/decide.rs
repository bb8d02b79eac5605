//! Choosing options for many scenes at once.

use super::prompt::{ANSWER_TOKENS, question};
use super::stage::{Decide, PlaySettings};
use super::summary::Decided;
use crate::respondent::{Progress, Prompt, Reply, Respondent, RespondentError, Scoring};
use axia_adventure::environment::Environment;
use axia_adventure::random::PolicyRandom;
use axia_engine::generate::Sampler;
use std::collections::HashMap;

/// Nodes, or scenes, that are a circle when they come again in the same order.
const CIRCLE: usize = 5;

/// A scene that waits for a decision.
pub struct Waiting<'a> {
    /// The game.
    pub environment: &'a Environment,
    /// Its seed.
    pub seed: u64,
    /// Whether it goes in a circle.
    pub in_circle: bool,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Number of the option.
    pub action: usize,
    /// How it came about.
    pub decided: Decided,
    /// What the model answered.
    pub reply: Option<String>,
    /// Probabilities of the options.
    pub probabilities: Vec<f64>,
}

/// Decides for one respondent; remembers the scores of scenes, which come again in other games.
pub struct Decider<'a> {
    respondent: &'a dyn Respondent,
    settings: PlaySettings,
    scored: HashMap<String, Vec<f64>>,
}

impl<'a> Decider<'a> {
    /// A decider.
    pub fn new(respondent: &'a dyn Respondent, settings: PlaySettings) -> Self {
        Self { respondent, settings, scored: HashMap::new() }
    }

    /// One decision for every scene. All scenes that the model has to read are given to it
    /// together.
    ///
    /// # Errors
    /// [`RespondentError`]; cancelled when `progress` says to stop.
    pub fn decide(
        &mut self,
        scenes: &[Waiting],
        progress: Progress,
    ) -> Result<Vec<Decision>, RespondentError> {
        let mut decisions: Vec<Option<Decision>> = scenes.iter().map(without_asking).collect();
        let open: Vec<usize> = (0..scenes.len()).filter(|&i| decisions[i].is_none()).collect();
        let asked: Vec<&Waiting> = open.iter().map(|&i| &scenes[i]).collect();
        let answers = match self.settings.decide {
            Decide::Reply => self.replies(&asked, progress)?,
            Decide::Score => self.scores(&asked, progress)?,
        };
        for (place, answer) in open.into_iter().zip(answers) {
            decisions[place] = Some(answer);
        }
        Ok(decisions.into_iter().flatten().collect())
    }

    fn replies(
        &self,
        scenes: &[&Waiting],
        progress: Progress,
    ) -> Result<Vec<Decision>, RespondentError> {
        let mut questions = Vec::with_capacity(scenes.len());
        for scene in scenes {
            questions.push(Reply {
                prompt: question(scene.environment, &self.settings, self.respondent)?.prompt,
                sampling: self.settings.sampling(),
                seed: seed_of(scene),
                max_tokens: ANSWER_TOKENS,
            });
        }
        let replies = self.respondent.reply(&questions, &has_number, progress)?;
        let decision = |(scene, reply): (&&Waiting, String)| {
            let number = first_number(&reply).filter(|&n| n < scene.environment.choice_count());
            let (action, decided) = match number {
                Some(number) => (number, Decided::Player),
                None => (at_random(scene), Decided::Invalid),
            };
            Decision { action, decided, reply: Some(reply), probabilities: Vec::new() }
        };
        Ok(scenes.iter().zip(replies).map(decision).collect())
    }

    fn scores(
        &mut self,
        scenes: &[&Waiting],
        progress: Progress,
    ) -> Result<Vec<Decision>, RespondentError> {
        let mut keys = Vec::with_capacity(scenes.len());
        let mut unknown: Vec<(String, Scoring)> = Vec::new();
        for scene in scenes {
            let asked = question(scene.environment, &self.settings, self.respondent)?;
            let key = key_of(&asked.prompt);
            if !self.scored.contains_key(&key) && unknown.iter().all(|(other, _)| *other != key) {
                let numbers = 0..scene.environment.choice_count();
                let candidates = numbers.map(|n| format!("{}{n}", asked.lead)).collect();
                unknown.push((key.clone(), Scoring { prompt: asked.prompt, candidates }));
            }
            keys.push(key);
        }
        let (names, questions): (Vec<String>, Vec<Scoring>) = unknown.into_iter().unzip();
        let scores = self.respondent.score_in_turn(&questions, progress)?;
        self.scored.extend(names.into_iter().zip(scores));
        let decision = |(scene, key): (&&Waiting, &String)| {
            let scores = self.scored.get(key).map(Vec::as_slice).unwrap_or_default();
            let logits: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
            let mut sampler = Sampler::new(self.settings.sampling(), seed_of(scene));
            let action = sampler.draw(&logits) as usize;
            let probabilities = probabilities(scores);
            Decision { action, decided: Decided::Player, reply: None, probabilities }
        };
        Ok(scenes.iter().zip(&keys).map(decision).collect())
    }
}

/// What needs no model: the only option, and a way out of a circle.
fn without_asking(scene: &Waiting) -> Option<Decision> {
    let decision =
        |action, decided| Decision { action, decided, reply: None, probabilities: Vec::new() };
    if scene.in_circle {
        return Some(decision(at_random(scene), Decided::LoopBreak));
    }
    (scene.environment.choice_count() == 1).then(|| decision(0, Decided::Player))
}

/// Whether the last five of `history` came before in the same order.
pub fn goes_in_a_circle<T: PartialEq>(history: &[T]) -> bool {
    let Some(split) = history.len().checked_sub(CIRCLE) else { return false };
    let last = &history[split..];
    history[..history.len() - 1].windows(CIRCLE).any(|earlier| earlier == last)
}

/// A seed for one decision. It depends on the game's seed and the number of decisions before, not
/// on who plays: two players who see the same scene draw with the same luck.
fn seed_of(scene: &Waiting) -> u64 {
    let t = scene.environment.steps() as u64;
    // Odd constants of splitmix64 (Steele, Lea and Flood 2014), so that neighbours differ.
    scene.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ t.wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

fn at_random(scene: &Waiting) -> usize {
    PolicyRandom::new(seed_of(scene)).choice(scene.environment.choice_count())
}

/// Whether a reply holds a number that no further digit can change.
fn has_number(reply: &str) -> bool {
    let from_number = reply.trim_start_matches(|c: char| !c.is_ascii_digit());
    from_number.contains(|c: char| !c.is_ascii_digit())
}

/// The first whole number in a reply.
fn first_number(reply: &str) -> Option<usize> {
    let from_number = reply.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = from_number.find(|c: char| !c.is_ascii_digit()).unwrap_or(from_number.len());
    from_number[..end].parse().ok()
}

fn probabilities(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

fn key_of(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Plain(text) => text.clone(),
        Prompt::Chat { system, question, answer } => {
            [system.as_deref().unwrap_or_default(), question, answer].join("\u{0}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_counts() {
        assert_eq!(first_number("I take 2, not 3."), Some(2));
        assert_eq!(first_number("Action 12"), Some(12));
        assert_eq!(first_number("none"), None);
        assert_eq!(first_number("99999999999999999999999"), None);
        assert!(has_number("1.") && !has_number("1") && !has_number("no"));
    }

    #[test]
    fn circles_are_seen() {
        assert!(!goes_in_a_circle(&[1, 2, 3, 4, 5]));
        assert!(!goes_in_a_circle::<u32>(&[]));
        assert!(goes_in_a_circle(&[1, 2, 3, 4, 5, 1, 2, 3, 4, 5]));
        assert!(goes_in_a_circle(&[7, 7, 7, 7, 7, 7]));
        assert!(!goes_in_a_circle(&[1, 2, 3, 4, 5, 2, 1, 3, 4, 5]));
    }

    #[test]
    fn probabilities_sum_to_one() {
        let found = probabilities(&[0.0, 4f64.ln(), f64::NEG_INFINITY]);
        assert!((found[0] - 0.2).abs() < 1e-12 && (found[1] - 0.8).abs() < 1e-12);
        assert_eq!(found[2], 0.0);
    }
}
