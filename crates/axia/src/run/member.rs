//! Who takes part in a run, and who is told of its progress.

use super::StudyError;
use axia_values::instrument::Dimension;
use axia_values::target::{Direction, Target};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A respondent's part in a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The untouched model.
    Base,
    /// Trained on its own baseline ratings.
    Control,
    /// Steered.
    Steered,
    /// No model: random play, or an oracle, to set the others beside.
    Landmark,
}

/// A respondent of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, which ends in the seed where a run has several: `base`, `power-down-seed1`.
    pub name: String,
    /// Its part in the study.
    pub role: Role,
    /// Seed of its training; without meaning for the base.
    pub seed: u64,
    /// The name that it shares with those of other seeds: `base`, `control`, `power-down`.
    pub steering: String,
}

impl Member {
    /// The untouched model.
    pub fn base() -> Self {
        Self::alone("base")
    }

    /// A model that is the only respondent, under its own name.
    pub fn alone(name: &str) -> Self {
        Self { name: name.to_owned(), role: Role::Base, seed: 0, steering: name.to_owned() }
    }

    /// The control, or the one steered as `steering` says, of a seed. `several` says whether the run
    /// has more than one seed.
    pub fn trained(role: Role, steering: &str, seed: u64, several: bool) -> Self {
        let name = if several { format!("{steering}-seed{seed}") } else { steering.to_owned() };
        Self { name, role, seed, steering: steering.to_owned() }
    }
}

/// What one member of a run answered in a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation<T> {
    /// Who.
    pub member: Member,
    /// What.
    pub answers: T,
}

/// What is steered where, for one steered respondent.
#[derive(Debug, Clone, PartialEq)]
pub struct Steering {
    /// Name of the respondent: `power-down`.
    pub name: String,
    /// In words: `Power, down`.
    pub title: String,
    /// The target.
    pub target: Target,
}

impl Steering {
    /// A steering of one value (or trait) down or up.
    pub fn one(dimension: Dimension, direction: Direction) -> Self {
        let title = format!("{}, {direction}", dimension.label());
        let target = Target::new(dimension, direction);
        Self { name: file_name(&target.name), title, target }
    }

    /// A whole target profile from a file.
    ///
    /// # Errors
    /// [`StudyError::Target`].
    pub fn profile(path: &Path) -> Result<Self, StudyError> {
        let target = Target::load(path)?;
        Ok(Self { name: target.name.clone(), title: target.name.clone(), target })
    }
}

/// `name` with a `-` for whatever file names had better not hold.
pub fn file_name(name: &str) -> String {
    let plain = |(at, c): (usize, char)| {
        let fits = c.is_alphanumeric() || " -_".contains(c) || (at > 0 && c == '.');
        if fits { c } else { '-' }
    };
    name.chars().enumerate().map(plain).collect()
}

/// Follows an experiment: its phases, one after the other.
pub trait Follow {
    /// A phase of `total` units begins.
    fn begin(&mut self, phase: &str, total: usize);
    /// `done` units of the phase are done.
    fn advance(&mut self, done: usize, message: &str);
    /// The phase is over.
    fn end(&mut self);
    /// One line for the user.
    fn note(&mut self, message: &str);
    /// Whether to stop.
    fn cancelled(&self) -> bool;
}

/// Reports nothing, never stops.
#[derive(Debug, Default, Clone, Copy)]
pub struct Quiet;

impl Follow for Quiet {
    fn begin(&mut self, _phase: &str, _total: usize) {}
    fn advance(&mut self, _done: usize, _message: &str) {}
    fn end(&mut self) {}
    fn note(&mut self, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
}
