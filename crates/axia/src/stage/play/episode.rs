//! A finished game, as far as summaries need it.

use super::prompt::Turn;
use super::summary::{Decided, Decisions};
use axia_adventure::environment::{Environment, Run};
use axia_adventure::error::StepError;
use axia_adventure::game::ValueWeights;
use axia_adventure::metrics::{Counts, Logging, METRICS};
use axia_values::taxonomy::RefinedValue;
use std::collections::BTreeMap;

/// One game of one player.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The game, as an index.
    pub game: usize,
    /// The seed.
    pub seed: u64,
    /// Counts by metric, in the order of [`METRICS`].
    pub counts: Vec<f64>,
    /// Achievements unlocked.
    pub achievements: usize,
    /// By value: sum of the scores of its decisions, and how many there were.
    pub revealed: BTreeMap<RefinedValue, (f64, usize)>,
    /// How decisions came about.
    pub decisions: Decisions,
}

/// What a player did in one state.
pub struct Act<'a> {
    /// The turn.
    pub turn: &'a Turn,
    /// Metrics that counted on the way to the next state.
    pub counted: Vec<String>,
    /// Points gained on that way.
    pub reward: i64,
    /// Options on offer.
    pub options: Vec<String>,
}

/// A game replayed: the episode, and all that a reader wants to see of it.
pub struct Replayed<'a> {
    /// The episode.
    pub episode: Episode,
    /// Its acts.
    pub acts: Vec<Act<'a>>,
    /// The last state's text.
    pub last: String,
    /// The last state's options, if the game was stopped.
    pub last_options: Vec<String>,
    /// Points in the end.
    pub points: i64,
    /// Titles of the achievements unlocked.
    pub titles: Vec<String>,
}

/// Plays the recorded `turns` of a game again. A game that fails ends there.
///
/// # Errors
/// If a turn takes an option that there is not: then the record is not of this game.
pub fn replay<'a>(
    environment: &mut Environment,
    game: usize,
    seed: u64,
    turns: &[&'a Turn],
) -> Result<Replayed<'a>, StepError> {
    environment.reset(seed)?;
    let mut run = Run {
        seed,
        actions: Vec::new(),
        states: vec![environment.row()],
        done: environment.done(),
        max_points: environment.game().max_points,
    };
    let mut revealed = BTreeMap::new();
    let mut decisions = Decisions::default();
    let mut acts = Vec::new();
    for turn in turns {
        let options: Vec<String> = environment.choices().map(str::to_owned).collect();
        reveal(&environment.option_values().collect::<Vec<_>>(), turn.action, &mut revealed);
        decisions.all += 1;
        decisions.invalid += usize::from(turn.decided == Decided::Invalid);
        decisions.loop_breaks += usize::from(turn.decided == Decided::LoopBreak);
        let result = match environment.step(turn.action) {
            Ok(result) => result,
            Err(StepError::Play(_)) => break,
            Err(error) => return Err(error),
        };
        run.done = result.done;
        run.actions.push(turn.action);
        run.states.push(environment.row());
        let flags = environment.flags().map(|flags| flags.counts()).unwrap_or_default();
        let counted = flags.into_iter().map(|(metric, _)| metric.name());
        let counted = counted.filter(|name| !name.ends_with('Σ')).map(str::to_owned).collect();
        acts.push(Act { turn, counted, reward: result.reward, options });
    }
    decisions.unfinished = usize::from(!run.done);
    let counts = run.counts(Logging::default());
    let unlocked: Vec<_> = environment.unlocked().collect();
    let title = |id: &&std::sync::Arc<str>| environment.game().achievement(id);
    let titles = unlocked.iter().filter_map(title).map(|a| a.title.to_string());
    Ok(Replayed {
        episode: Episode {
            game,
            seed,
            counts: dense(&counts),
            achievements: unlocked.len(),
            revealed,
            decisions,
        },
        last: environment.observation().to_owned(),
        last_options: environment.choices().map(str::to_owned).collect(),
        points: environment.points(),
        titles: titles.collect(),
        acts,
    })
}

fn dense(counts: &Counts) -> Vec<f64> {
    METRICS.iter().map(|&metric| counts.dense(metric)).collect()
}

/// Adds what choosing `action` says about every value that the options differ in: the weight of the
/// option less the mean of all on offer, in units of the range on offer.
fn reveal(
    options: &[Option<&ValueWeights>],
    action: usize,
    revealed: &mut BTreeMap<RefinedValue, (f64, usize)>,
) {
    for value in RefinedValue::ALL {
        let weights: Vec<f64> = options
            .iter()
            .map(|option| option.and_then(|w| w.get(&value)).map_or(0.0, |&w| f64::from(w)))
            .collect();
        let Some(&chosen) = weights.get(action) else { continue };
        let largest = weights.iter().copied().fold(f64::MIN, f64::max);
        let smallest = weights.iter().copied().fold(f64::MAX, f64::min);
        if largest > smallest {
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            let entry = revealed.entry(value).or_default();
            entry.0 += (chosen - mean) / (largest - smallest);
            entry.1 += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_reveal_values_relative_to_what_was_on_offer() {
        let weights =
            |pairs: &[(RefinedValue, i8)]| pairs.iter().copied().collect::<ValueWeights>();
        let face = weights(&[(RefinedValue::Face, 2), (RefinedValue::Hedonism, 1)]);
        let modest = weights(&[(RefinedValue::Face, -2), (RefinedValue::Hedonism, 1)]);
        let options = [Some(&face), Some(&modest), None];
        let mut revealed = BTreeMap::new();
        reveal(&options, 0, &mut revealed);
        // Face: weights 2, −2, 0 with mean 0 and range 4. Hedonism: 1, 1, 0 with mean 2/3.
        assert_eq!(revealed[&RefinedValue::Face], (0.5, 1));
        let (hedonism, decisions) = revealed[&RefinedValue::Hedonism];
        assert!((hedonism - 1.0 / 3.0).abs() < 1e-12 && decisions == 1);
        assert_eq!(revealed.len(), 2);
        reveal(&options, 1, &mut revealed);
        assert_eq!(revealed[&RefinedValue::Face], (0.0, 2));
        // Taking each option once says nothing.
        reveal(&options, 2, &mut revealed);
        assert_eq!(revealed[&RefinedValue::Face].0, 0.0);
        assert!(revealed[&RefinedValue::Hedonism].0.abs() < 1e-12);
    }
}
