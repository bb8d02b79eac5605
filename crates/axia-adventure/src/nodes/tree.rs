//! The benchmark's game trees: `trees/{game}_game_tree.json`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;

use super::index::NodeIndex;
use crate::error::LoadError;
use crate::program::Program;

#[derive(Deserialize)]
struct Node {
    scene: String,
    lines: Vec<usize>,
    #[serde(rename = "type")]
    kind: String,
}

impl NodeIndex {
    /// Reads a tree file.
    ///
    /// # Errors
    /// If the file cannot be read or is not of that form.
    pub fn read_tree(path: &Path, program: &Program) -> Result<Self, LoadError> {
        let text = crate::files::read(path)?;
        let tree: BTreeMap<String, Node> = crate::files::json(path, &text)?;
        Ok(Self::of_tree(program, &tree))
    }

    /// Nodes from the text of a tree file.
    ///
    /// # Errors
    /// If the text is not of that form.
    pub fn parse_tree(text: &str, program: &Program) -> Result<Self, serde_json::Error> {
        let tree: BTreeMap<String, Node> = serde_json::from_str(text)?;
        Ok(Self::of_tree(program, &tree))
    }

    /// Nodes take their lines in the order of their names. A line that is already taken reports
    /// both, unless the one that holds it is a condition, which gives way.
    fn of_tree(program: &Program, tree: &BTreeMap<String, Node>) -> Self {
        let mut lines: HashMap<String, HashMap<usize, Vec<String>>> = HashMap::new();
        for (name, node) in tree {
            let scene = lines.entry(node.scene.clone()).or_default();
            for line in &node.lines {
                let holders = scene.entry(*line).or_default();
                let gives_way = holders
                    .last()
                    .and_then(|holder| tree.get(holder))
                    .is_some_and(|holder| holder.kind == "COND");
                if gives_way {
                    holders.clear();
                }
                holders.push(name.clone());
            }
        }
        Self::of_lines(program, &lines)
    }
}
