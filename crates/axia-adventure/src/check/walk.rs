//! Playing a game many times to see where it goes.

use super::report::{CheckOptions, Finding, Rule, Severity};
use crate::environment::{Environment, Policy, RandomPolicy};
use crate::error::{PlayError, StepError};
use crate::game::{Game, Origin};
use crate::nodes::mark;
use crate::program::{Choice, Entry, Operation, OptionEntry, Scene};
use crate::random::PolicyRandom;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// How a game branches, over random games.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Branching {
    /// Random games played.
    pub games: usize,
    /// Steps of a game: fewest, mean and most.
    pub steps: (usize, f64, usize),
    /// Options of a choice: mean.
    pub options: f64,
    /// Places with a choice that were met.
    pub choices: usize,
    /// Places where a game ended.
    pub endings: usize,
    /// Different states met by trying every option from the start.
    pub states: usize,
    /// Whether these are all there are, as far as the game draws no random numbers.
    pub all_states: bool,
    /// Points of a game: mean, in percent of all.
    pub points: f64,
    /// In how many of the random games each achievement was unlocked.
    pub achievements: BTreeMap<String, usize>,
}

/// What was met on all walks together.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) branching: Branching,
    pub(super) failures: Vec<PlayError>,
    /// Games that did not end, by where they were stopped.
    pub(super) endless: BTreeSet<(String, usize)>,
    pub(super) unlocked: BTreeSet<Arc<str>>,
    /// Lines that were reached, by scene.
    pub(super) reached: Vec<Vec<bool>>,
}

/// Walks a game: at random, then preferring options that were taken least, then trying every option
/// of every new state.
pub(super) fn walk(game: &Arc<Game>, options: &CheckOptions) -> Result<Walk, PlayError> {
    let mut environment = Environment::new(game.clone())?;
    environment.keep_coverage();
    let mut walker = Walker {
        environment,
        walk: Walk::default(),
        taken: HashMap::new(),
        choices: BTreeSet::new(),
        endings: BTreeSet::new(),
        places: HashSet::new(),
    };
    walker.random(options);
    walker.curious(options);
    walker.everywhere(options);
    walker.walk.reached = walker.environment.player().coverage().to_vec();
    walker.walk.branching.choices = walker.choices.len();
    walker.walk.branching.endings = walker.endings.len();
    Ok(walker.walk)
}

struct Walker {
    environment: Environment,
    walk: Walk,
    /// How often each option was taken, by scene and line.
    taken: HashMap<(u32, u32), u32>,
    choices: BTreeSet<(String, usize)>,
    endings: BTreeSet<(String, usize)>,
    /// Places of failures so far.
    places: HashSet<(String, usize)>,
}

impl Walker {
    fn note_failure(&mut self, error: StepError) {
        if let StepError::Play(error) = error
            && self.places.insert((error.place.scene.clone(), error.place.index))
        {
            self.walk.failures.push(error);
        }
    }

    fn place(&self) -> (String, usize) {
        let (scene, line) = self.environment.player().place();
        (scene.to_owned(), line)
    }

    /// Notes where a game is after a step.
    fn note(&mut self) {
        let place = self.place();
        let places = if self.environment.done() { &mut self.endings } else { &mut self.choices };
        places.insert(place);
        self.walk.unlocked.extend(self.environment.unlocked().cloned());
    }

    /// Plays a game; `choose` picks an option. Returns its steps and the options it was offered.
    fn game(
        &mut self,
        seed: u64,
        most: usize,
        mut choose: impl FnMut(&mut Self) -> usize,
    ) -> (usize, usize) {
        if let Err(error) = self.environment.reset(seed) {
            self.note_failure(StepError::Play(error));
            return (0, 0);
        }
        let mut offered = 0;
        self.note();
        while !self.environment.done() {
            if self.environment.steps() >= most {
                let place = self.place();
                self.walk.endless.insert(place);
                break;
            }
            offered += self.environment.choice_count();
            let action = choose(self);
            let (scene, lines) = self.environment.player().option_lines();
            if let Some(line) = lines.get(action) {
                *self.taken.entry((scene, *line)).or_default() += 1;
            }
            if let Err(error) = self.environment.step(action) {
                self.note_failure(error);
                break;
            }
            self.note();
        }
        (self.environment.steps(), offered)
    }

    fn random(&mut self, options: &CheckOptions) {
        let mut policy = RandomPolicy::default();
        let (mut steps, mut offered, mut points) = (Vec::new(), 0, 0);
        let mut achievements: BTreeMap<String, usize> = BTreeMap::new();
        for seed in 0..options.games as u64 {
            policy.begin(seed);
            let result = self.game(seed, options.max_steps, |walker| {
                policy.choose(&mut walker.environment).ok().flatten().unwrap_or(0)
            });
            steps.push(result.0);
            offered += result.1;
            points += self.environment.points();
            for id in self.environment.unlocked() {
                *achievements.entry(id.to_string()).or_default() += 1;
            }
        }
        let total: usize = steps.iter().sum();
        let games = steps.len().max(1) as f64;
        let most_points = self.environment.game().max_points.max(1) as f64;
        self.walk.branching = Branching {
            games: steps.len(),
            steps: (
                steps.iter().copied().min().unwrap_or(0),
                total as f64 / games,
                steps.iter().copied().max().unwrap_or(0),
            ),
            options: offered as f64 / total.max(1) as f64,
            points: 100.0 * points as f64 / games / most_points,
            achievements,
            ..Branching::default()
        };
    }

    /// Games that mostly take the option taken least so far.
    fn curious(&mut self, options: &CheckOptions) {
        let mut random = PolicyRandom::new(0);
        for seed in 0..options.games as u64 {
            self.game(seed, options.max_steps, |walker| {
                let (scene, lines) = walker.environment.player().option_lines();
                if random.choice(4) == 0 {
                    return random.choice(lines.len());
                }
                let count = |line: &u32| walker.taken.get(&(scene, *line)).copied().unwrap_or(0);
                let least = lines.iter().map(count).min().unwrap_or(0);
                let rare: Vec<usize> = (0..lines.len())
                    .filter(|i| lines.get(*i).is_some_and(|l| count(l) == least))
                    .collect();
                rare.get(random.choice(rare.len())).copied().unwrap_or(0)
            });
        }
    }

    /// Every option of every state, breadth first, until enough states are known.
    fn everywhere(&mut self, options: &CheckOptions) {
        if let Err(error) = self.environment.reset(0) {
            self.note_failure(StepError::Play(error));
            return;
        }
        let mut known = HashSet::from([fingerprint(&self.environment)]);
        let mut waiting = VecDeque::from([self.environment.save()]);
        self.walk.branching.all_states = true;
        while let Some(saved) = waiting.pop_front() {
            self.environment.restore(&saved);
            for action in 0..self.environment.choice_count() {
                match self.environment.step(action) {
                    Ok(_) => {
                        self.note();
                        let new = known.insert(fingerprint(&self.environment));
                        if new && !self.environment.done() {
                            if known.len() < options.max_states {
                                waiting.push_back(self.environment.save());
                            } else {
                                self.walk.branching.all_states = false;
                            }
                        }
                    }
                    Err(error) => self.note_failure(error),
                }
                self.environment.restore(&saved);
            }
        }
        self.walk.branching.states = known.len();
    }
}

/// A number that two states share if a player could not tell them apart from here on, random draws
/// left aside.
fn fingerprint(environment: &Environment) -> u64 {
    let mut hasher = DefaultHasher::new();
    let player = environment.player();
    player.place().hash(&mut hasher);
    player.done().hash(&mut hasher);
    player.option_lines().hash(&mut hasher);
    player.unlocked().hash(&mut hasher);
    for (name, value) in player.variables() {
        name.hash(&mut hasher);
        value.map(|value| value.literal()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Checks what can be measured.
pub(super) fn check_marks(game: &Game) -> Vec<Finding> {
    let mut findings = Vec::new();
    points(game, &mut findings);
    if game.origin != Origin::Folder {
        return findings;
    }
    let mut beginnings = Vec::new();
    for scene in &game.program.scenes {
        for operation in &scene.operations {
            if let Operation::Choose(choice) = operation {
                options(game, scene, choice, &mut beginnings, &mut findings);
            }
        }
    }
    marks(game, &beginnings, &mut findings);
    for id in &game.unplaced {
        findings.push(Finding::whole(
            Severity::Warning,
            Rule::AnnotationWithoutMark,
            format!("annotations.toml has [marks.{id}], but no scene has `*comment @{id}`"),
        ));
    }
    findings
}

fn points(game: &Game, findings: &mut Vec<Finding>) {
    if game.max_points != 100 {
        findings.push(Finding::whole(
            if game.origin == Origin::Folder { Severity::Warning } else { Severity::Note },
            Rule::Points,
            format!("the achievements are worth {} points together, not 100", game.max_points),
        ));
    }
}

/// Checks the options of a choice and notes the marks that begin them.
fn options(
    game: &Game,
    scene: &Scene,
    choice: &Choice,
    beginnings: &mut Vec<u32>,
    findings: &mut Vec<Finding>,
) {
    let mut all = Vec::new();
    flatten(&choice.entries, &mut all);
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut weights = Vec::new();
    for option in &all {
        let Some(line) = scene.lines.get(option.line as usize) else { continue };
        let mut find = |severity, rule, message: String| {
            findings.push(Finding::at(severity, rule, &scene.name, line, message));
        };
        if seen.insert(&option.caption, option.line).is_some() {
            let message = format!("the choice has the option `{}` twice", option.caption);
            find(Severity::Warning, Rule::SameCaption, message);
        }
        let body = option.target.ok().filter(|target| *target == option.line + 1);
        let node = body.and_then(|body| {
            let id = scene.lines.get(body as usize).and_then(|l| mark(&l.text))?;
            game.nodes.names().iter().position(|name| **name == *id)
        });
        let Some(node) = node else {
            let message =
                "the option's body does not begin with a mark: add `*comment @id` below it".into();
            find(Severity::Error, Rule::OptionWithoutMark, message);
            continue;
        };
        beginnings.push(node as u32);
        match game.value_weights(node as u32) {
            Some(found) => weights.push(found),
            None => {
                let message = "the option's mark expresses no value: add `values`".into();
                find(Severity::Note, Rule::OptionWithoutValues, message);
            }
        }
    }
    let first = weights.first();
    if weights.len() == all.len()
        && all.len() > 1
        && weights.iter().all(|w| Some(w) == first)
        && let Some(line) = all.first().and_then(|o| scene.lines.get(o.line as usize))
    {
        let message = "all options of the choice express the same values";
        findings.push(Finding::at(Severity::Warning, Rule::SameValues, &scene.name, line, message));
    }
}

fn flatten<'a>(entries: &'a [Entry], all: &mut Vec<&'a OptionEntry>) {
    for entry in entries {
        match entry {
            Entry::Option(option) => all.push(option),
            Entry::Group(_, entries) => flatten(entries, all),
        }
    }
}

fn marks(game: &Game, beginnings: &[u32], findings: &mut Vec<Finding>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for scene in &game.program.scenes {
        for line in &scene.lines {
            let Some(id) = mark(&line.text) else { continue };
            let mut find = |severity, rule, message: String| {
                findings.push(Finding::at(severity, rule, &scene.name, line, message));
            };
            let count = places.entry(id).or_default();
            *count += 1;
            if *count > 1 {
                let message = format!("the mark `{id}` stands at several places");
                find(Severity::Error, Rule::MarkTwice, message);
            }
            let Some(node) = game.nodes.names().iter().position(|name| **name == *id) else {
                continue;
            };
            if game.annotation(node as u32).is_none() {
                let message = format!("the mark `{id}` has no entry in annotations.toml");
                find(Severity::Error, Rule::MarkWithoutAnnotation, message);
            }
            if game.value_weights(node as u32).is_some() && !beginnings.contains(&(node as u32)) {
                let message =
                    format!("`values` of the mark `{id}` count for nothing: it begins no option");
                find(Severity::Warning, Rule::ValuesElsewhere, message);
            }
        }
    }
}
