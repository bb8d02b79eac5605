//! Lines and scenes.

use std::collections::{BTreeMap, HashMap};

/// A line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text without surrounding white space.
    pub text: Box<str>,
    /// Leading white-space characters; a tab is one.
    pub indent: usize,
    /// Line in the file, from 1; 0 where unknown.
    pub row: u32,
}

/// The scenes of a game before they are parsed.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The game's title.
    pub title: String,
    /// Its author.
    pub author: String,
    /// Scene names in playing order, as written.
    pub scene_list: Vec<String>,
    /// Scenes by lower-case name.
    pub scenes: BTreeMap<String, Vec<Line>>,
    /// Index of a label's line by `scene_label`, in lower case.
    pub labels: HashMap<String, usize>,
    /// Variables called like words of the expression language: `_` is appended to them.
    pub keywords: Vec<String>,
}

impl Source {
    /// Appends the two lines that end each scene: `*ending` for the last scene of the list,
    /// `*finish` for any other, and an empty line. Scene names are compared with case, as the
    /// benchmark does.
    pub(super) fn close_scenes(&mut self) {
        let last = self.scene_list.last().cloned();
        for (name, lines) in &mut self.scenes {
            let end = if Some(name) == last.as_ref() { "*ending" } else { "*finish" };
            for text in [end, ""] {
                lines.push(Line { text: text.into(), indent: 0, row: 0 });
            }
        }
    }
}
