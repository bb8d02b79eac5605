//! What a line stands for in annotations: nodes of the benchmark's tree, or marks.

use crate::error::LoadError;
use crate::program::Program;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// The number of a list of nodes; equal lists have equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeList(u32);

/// Nodes by scene and line.
#[derive(Debug)]
pub struct NodeIndex {
    names: Vec<Arc<str>>,
    lists: Vec<Box<[u32]>>,
    /// Lists by scene and line.
    lines: Vec<Vec<NodeList>>,
    /// What a line reports that is in no list.
    elsewhere: NodeList,
    first: Option<u32>,
}

impl NodeIndex {
    /// Nodes of a game of one's own: each line `*comment @id` is the node `id`, other lines are
    /// none.
    pub fn of_marks(program: &Program) -> Self {
        let mut builder = Builder::default();
        let empty = builder.list(Vec::new());
        let lines = program.scenes.iter().map(|scene| {
            let lines = scene.lines.iter();
            lines
                .map(|line| match mark(&line.text) {
                    Some(id) => {
                        let node = builder.node(id);
                        builder.list(vec![node])
                    }
                    None => empty,
                })
                .collect()
        });
        let lines = lines.collect();
        Self { names: builder.names, lists: builder.lists, lines, elsewhere: empty, first: None }
    }

    /// Nodes of the benchmark. `lines` gives the names that each line of a scene reports; other
    /// lines report `None`.
    pub(super) fn of_lines(
        program: &Program,
        lines: &HashMap<String, HashMap<usize, Vec<String>>>,
    ) -> Self {
        let mut builder = Builder::default();
        let none = builder.node("None");
        let elsewhere = builder.list(vec![none]);
        let by_scene = program.scenes.iter().map(|scene| {
            let Some(named) = lines.get(&*scene.name) else { return Vec::new() };
            let list = |at: usize| {
                named.get(&at).map_or(elsewhere, |names| {
                    let nodes = names.iter().map(|name| builder.node(name)).collect();
                    builder.list(nodes)
                })
            };
            (0..scene.lines.len()).map(list).collect()
        });
        let lines = by_scene.collect();
        let first = Some(builder.node("startup_0"));
        Self { names: builder.names, lists: builder.lists, lines, elsewhere, first }
    }

    /// The nodes that a line reports.
    pub fn at(&self, scene: u32, line: u32) -> NodeList {
        let lines = self.lines.get(scene as usize);
        lines.and_then(|lines| lines.get(line as usize)).copied().unwrap_or(self.elsewhere)
    }

    /// The nodes in a list.
    pub fn nodes(&self, list: NodeList) -> &[u32] {
        self.lists.get(list.0 as usize).map_or(&[], |list| list)
    }

    /// The name of a node.
    pub fn name(&self, node: u32) -> &str {
        self.names.get(node as usize).map_or("", |name| name)
    }

    /// The names of all nodes, by number.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The node that a game's history begins with, if any.
    pub(crate) fn first(&self) -> Option<u32> {
        self.first
    }
}

/// The id in a line `*comment @id`.
pub(crate) fn mark(text: &str) -> Option<&str> {
    let id = text.strip_prefix("*comment")?.trim().strip_prefix('@')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!id.is_empty() && id.chars().all(plain)).then_some(id)
}

#[derive(Default)]
struct Builder {
    names: Vec<Arc<str>>,
    nodes: HashMap<Arc<str>, u32>,
    lists: Vec<Box<[u32]>>,
    numbers: HashMap<Box<[u32]>, NodeList>,
}

impl Builder {
    fn node(&mut self, name: &str) -> u32 {
        if let Some(node) = self.nodes.get(name) {
            return *node;
        }
        let node = self.names.len() as u32;
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.nodes.insert(name, node);
        node
    }

    fn list(&mut self, nodes: Vec<u32>) -> NodeList {
        let nodes: Box<[u32]> = nodes.into();
        if let Some(list) = self.numbers.get(&nodes) {
            return *list;
        }
        let list = NodeList(self.lists.len() as u32);
        self.lists.push(nodes.clone());
        self.numbers.insert(nodes, list);
        list
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_comment_with_an_id() {
        assert_eq!(mark("*comment @take_money"), Some("take_money"));
        assert_eq!(mark("*comment  @a1 "), Some("a1"));
        for text in ["*comment take", "*comment @", "*comment @Take", "*comment @a b", "@a"] {
            assert_eq!(mark(text), None, "{text}");
        }
    }
}
