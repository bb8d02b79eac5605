//! The game.

use std::sync::Arc;

use crate::annotation::{Annotation, VariableVotes};
use crate::error::PlayError;
use crate::metrics::{Coefficients, Thresholds};
use crate::nodes::NodeIndex;
use crate::player::Player;
use crate::program::{Achievement, Program};

use super::manifest::Manifest;
use super::marks::ValueWeights;

/// Where a game comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The benchmark's `game_data/`: annotations belong to nodes of its tree, quirks included.
    Benchmark,
    /// A folder of scenes: annotations belong to marks in the text.
    Folder,
}

/// A game: its program, its annotations and what players are told. Games in progress share it.
#[derive(Debug)]
pub struct Game {
    /// Name of the game's file or folder.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What players are told.
    pub manifest: Manifest,
    /// Its scenes, parsed.
    pub program: Arc<Program>,
    /// The nodes or marks of its lines.
    pub nodes: Arc<NodeIndex>,
    /// Annotations by node.
    pub annotations: Vec<Option<Arc<Annotation>>>,
    /// Value weights by node: those of marks that begin an option's body.
    pub values: Vec<Option<Arc<ValueWeights>>>,
    /// Which variables stand for what.
    pub votes: VariableVotes,
    /// From which value on an annotation counts.
    pub thresholds: Thresholds,
    /// The achievements that count: those declared before the first choice.
    pub achievements: Vec<Arc<Achievement>>,
    /// The points of all of them.
    pub max_points: i64,
    /// Random play's means as published with the game, if any.
    pub coefficients: Option<Coefficients>,
    /// Annotations of marks that stand in no scene.
    pub unplaced: Vec<String>,
}

impl Game {
    /// Plays to the first choice to find the achievements that count.
    pub(super) fn find_achievements(&mut self) -> Result<(), PlayError> {
        let mut player = Player::new(self.program.clone(), self.nodes.clone());
        player.reset(0)?;
        self.achievements = player.achievements().to_vec();
        self.max_points = self.achievements.iter().map(|achievement| achievement.points).sum();
        Ok(())
    }

    /// The achievement of an id, if it counts.
    pub fn achievement(&self, id: &str) -> Option<&Achievement> {
        self.achievements.iter().find(|achievement| &*achievement.id == id).map(|found| &**found)
    }

    /// The annotation of a node.
    pub fn annotation(&self, node: u32) -> Option<&Annotation> {
        self.annotations.get(node as usize)?.as_deref()
    }

    /// The value weights of a node.
    pub fn value_weights(&self, node: u32) -> Option<&ValueWeights> {
        self.values.get(node as usize)?.as_deref()
    }
}
