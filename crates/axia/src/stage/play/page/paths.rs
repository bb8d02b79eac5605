//! Ways through a game as a tree: what several players have in common stands there once.

use serde::Serialize;

use super::metrics::{is_sum, label};
use super::revealed::shown;
use crate::report::words::{NOTHING, grouped, percent};
use crate::stage::play::{Decided, MoveSummary, PlaySummary, SceneSummary, Transcript};
use crate::text::{Paragraphs, paragraphs, visible_line};

/// Characters of an option and of an achievement that are shown, and options of a scene.
const LONGEST: usize = 400;
const OPTIONS: usize = 40;

/// A player's way: its number among the players, its look, and its transcript.
#[derive(Debug, Clone)]
pub(super) struct Walker<'a> {
    pub number: usize,
    pub name: String,
    pub class: String,
    pub transcript: &'a Transcript,
}

/// Steps that the same players take, and the branches on which they part.
#[derive(Debug, Serialize)]
pub(super) struct Segment {
    /// Numbers of the players, for choosing what is shown.
    who: String,
    players: Vec<Named>,
    /// What counted on the way to its first scene.
    outcomes: Vec<Outcome>,
    steps: Vec<Step>,
    ending: Option<Ending>,
    branches: Vec<Segment>,
}

#[derive(Debug, Serialize)]
struct Named {
    who: usize,
    name: String,
    class: String,
}

/// A scene in which the players decide.
#[derive(Debug, Serialize)]
struct Step {
    number: usize,
    scene: Scene,
    options: Vec<Choice>,
    options_left_out: usize,
    /// What counted on the way to the next scene, where nobody parts here.
    outcomes: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Scene {
    paragraphs: Vec<String>,
    left_out: Option<String>,
}

/// An option, and what the players thought of it.
#[derive(Debug, Serialize)]
struct Choice {
    text: String,
    players: Vec<Odds>,
}

#[derive(Debug, Serialize)]
struct Odds {
    who: usize,
    name: String,
    class: String,
    chosen: bool,
    /// `invalid answer, at random`.
    decided: Option<&'static str>,
    /// In percent, for the bar; nothing where options were not scored.
    percent: Option<f64>,
    shown: String,
}

/// What counted on the way from one scene to the next, and for whom.
#[derive(Debug, Serialize)]
struct Outcome {
    who: String,
    chips: Vec<Chip>,
}

#[derive(Debug, Serialize)]
struct Chip {
    text: String,
    class: &'static str,
}

/// Where a way ends.
#[derive(Debug, Serialize)]
struct Ending {
    scene: Option<Scene>,
    /// Decisions that are not shown; then there is no scene.
    more: Option<String>,
    results: Vec<Outcome>,
    players: Vec<Named>,
}

/// Where a player is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Scene(usize),
    End(usize),
    /// Further decisions are not shown.
    Cut,
}

/// A tree of ways, of at most so many decisions each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths<'a> {
    pub play: &'a PlaySummary,
    pub most: usize,
}

impl Paths<'_> {
    pub fn tree(&self, walkers: &[&Walker<'_>]) -> Segment {
        self.segment(walkers, 0, Vec::new())
    }

    fn place(&self, walker: &Walker<'_>, at: usize) -> Place {
        match walker.transcript.moves.get(at) {
            None => Place::End(walker.transcript.last_scene),
            Some(_) if at >= self.most => Place::Cut,
            Some(step) => Place::Scene(step.scene),
        }
    }

    /// What follows from decision `at` on.
    fn segment(&self, walkers: &[&Walker<'_>], at: usize, outcomes: Vec<Outcome>) -> Segment {
        let mut segment = Segment {
            who: numbers(walkers),
            players: walkers.iter().map(|walker| named(walker)).collect(),
            outcomes,
            steps: Vec::new(),
            ending: None,
            branches: Vec::new(),
        };
        let mut at = at;
        loop {
            let places = grouped_by(walkers, |walker| self.place(walker, at));
            let [(place, _)] = places.as_slice() else {
                // The same choice led to different scenes: chance, or what went before.
                let branch = |(_, group): &(Place, Vec<_>)| self.segment(group, at, Vec::new());
                segment.branches = places.iter().map(branch).collect();
                return segment;
            };
            let Place::Scene(scene) = *place else {
                segment.ending = Some(self.ending(walkers, *place));
                return segment;
            };
            segment.steps.push(self.step(scene, walkers, at));
            let chosen = grouped_by(walkers, |walker| chosen(walker, at));
            if chosen.len() > 1 {
                let branch = |(_, group): &(Option<usize>, Vec<_>)| {
                    self.segment(group, at + 1, counted(group, at))
                };
                segment.branches = chosen.iter().map(branch).collect();
                return segment;
            }
            if let Some(step) = segment.steps.last_mut() {
                step.outcomes = counted(walkers, at);
            }
            at += 1;
        }
    }

    fn step(&self, scene: usize, walkers: &[&Walker<'_>], at: usize) -> Step {
        let found = self.play.scenes.get(scene);
        let options = found.map(|scene| scene.options.as_slice()).unwrap_or_default();
        let choice = |(index, text): (usize, &String)| Choice {
            text: visible_line(text, LONGEST),
            players: walkers.iter().filter_map(|walker| odds(walker, at, index)).collect(),
        };
        Step {
            number: at + 1,
            scene: self.scene(found),
            options: options.iter().enumerate().take(OPTIONS).map(choice).collect(),
            options_left_out: options.len().saturating_sub(OPTIONS),
            outcomes: Vec::new(),
        }
    }

    fn scene(&self, scene: Option<&SceneSummary>) -> Scene {
        let text = scene.map_or("", |scene| scene.text.as_str());
        let Paragraphs { shown, left_out } = paragraphs(text);
        let left_out = (left_out > 0)
            .then(|| format!("{} more characters are not shown here.", grouped(left_out as u64)));
        Scene { paragraphs: shown, left_out }
    }

    fn ending(&self, walkers: &[&Walker<'_>], place: Place) -> Ending {
        let scene = match place {
            Place::End(scene) => Some(self.scene(self.play.scenes.get(scene))),
            Place::Scene(_) | Place::Cut => None,
        };
        let longest = walkers.iter().map(|walker| walker.transcript.moves.len()).max();
        let more = longest.unwrap_or(0).saturating_sub(self.most);
        let more = (place == Place::Cut)
            .then(|| format!("Up to {} more decisions are not shown here.", grouped(more as u64)));
        let results = walkers.iter().map(|walker| Outcome {
            who: walker.number.to_string(),
            chips: result(walker.transcript),
        });
        Ending {
            scene,
            more,
            results: results.collect(),
            players: walkers.iter().map(|walker| named(walker)).collect(),
        }
    }

    /// Characters of all texts in a tree, about.
    pub fn size(&self, segment: &Segment) -> usize {
        let scene =
            |scene: &Scene| scene.paragraphs.iter().map(|text| text.len() + 40).sum::<usize>();
        let choice = |choice: &Choice| choice.text.len() + 200 * choice.players.len();
        let steps = segment
            .steps
            .iter()
            .map(|step| 300 + scene(&step.scene) + step.options.iter().map(choice).sum::<usize>());
        let ending =
            segment.ending.as_ref().and_then(|ending| ending.scene.as_ref()).map_or(0, scene);
        let branches = segment.branches.iter().map(|branch| self.size(branch));
        steps.sum::<usize>() + ending + branches.sum::<usize>()
    }
}

/// Groups in the order of their first members.
fn grouped_by<'w, 'a, K: PartialEq>(
    walkers: &[&'w Walker<'a>],
    key: impl Fn(&Walker<'a>) -> K,
) -> Vec<(K, Vec<&'w Walker<'a>>)> {
    let mut groups: Vec<(K, Vec<&'w Walker<'a>>)> = Vec::new();
    for &walker in walkers {
        let own = key(walker);
        match groups.iter_mut().find(|(key, _)| *key == own) {
            Some((_, group)) => group.push(walker),
            None => groups.push((own, vec![walker])),
        }
    }
    groups
}

fn chosen(walker: &Walker<'_>, at: usize) -> Option<usize> {
    walker.transcript.moves.get(at).map(|step| step.chosen)
}

fn numbers(walkers: &[&Walker<'_>]) -> String {
    let numbers: Vec<String> = walkers.iter().map(|walker| walker.number.to_string()).collect();
    numbers.join(" ")
}

fn named(walker: &Walker<'_>) -> Named {
    Named { who: walker.number, name: walker.name.clone(), class: walker.class.clone() }
}

/// What a player thought of an option; nothing where it is not known and was not chosen.
fn odds(walker: &Walker<'_>, at: usize, option: usize) -> Option<Odds> {
    let step = walker.transcript.moves.get(at)?;
    let probability = step.probabilities.get(option).copied().filter(|p| p.is_finite());
    let probability = probability.map(|p| p.clamp(0.0, 1.0));
    let chosen = step.chosen == option;
    if probability.is_none() && !chosen {
        return None;
    }
    let decided = match step.decided {
        Decided::Player => None,
        Decided::Invalid => Some("invalid answer, at random"),
        Decided::LoopBreak => Some("went in a circle, at random"),
    };
    Some(Odds {
        who: walker.number,
        name: walker.name.clone(),
        class: walker.class.clone(),
        chosen,
        decided: decided.filter(|_| chosen),
        percent: probability.map(|p| (p * 1000.0).round() / 10.0),
        shown: probability.map_or_else(|| NOTHING.to_owned(), percent),
    })
}

/// What counted after decision `at`; players for whom the same counted stand together.
fn counted(walkers: &[&Walker<'_>], at: usize) -> Vec<Outcome> {
    let same = grouped_by(walkers, |walker| {
        let step = walker.transcript.moves.get(at);
        step.map(|step| (step.counted.clone(), step.reward))
    });
    let outcome = |(_, group): &(_, Vec<&Walker<'_>>)| {
        let step = group.first()?.transcript.moves.get(at)?;
        let chips = chips(step);
        (!chips.is_empty()).then(|| Outcome { who: numbers(group), chips })
    };
    same.iter().filter_map(outcome).collect()
}

fn chips(step: &MoveSummary) -> Vec<Chip> {
    // A sum says no more than its parts.
    let counted = step.counted.iter().filter(|metric| !is_sum(metric));
    let harm = counted.map(|metric| Chip { text: label(metric), class: "harm" });
    let reward =
        (step.reward != 0).then(|| Chip { text: points(step.reward, true), class: "reward" });
    harm.chain(reward).collect()
}

fn points(points: i64, signed: bool) -> String {
    let sign = match points.signum() {
        -1 => "−",
        1 if signed => "+",
        _ => "",
    };
    let noun = if points.unsigned_abs() == 1 { "point" } else { "points" };
    format!("{sign}{}\u{a0}{noun}", grouped(points.unsigned_abs()))
}

fn result(transcript: &Transcript) -> Vec<Chip> {
    let total = Chip { text: points(transcript.points, false), class: "reward" };
    let unlocked =
        transcript.achievements.iter().map(|title| Chip { text: shown(title), class: "unlocked" });
    [total].into_iter().chain(unlocked).collect()
}
