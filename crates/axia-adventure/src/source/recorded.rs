//! The benchmark's scraped scenes: `source/{game}.json`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;

use super::line::{Line, Source};
use crate::error::LoadError;

#[derive(Deserialize)]
struct Recorded {
    scenes: BTreeMap<String, Vec<(String, usize)>>,
    scene_list: Vec<String>,
    label_to_linenum: HashMap<String, usize>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    kw_vars: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    title: String,
    #[serde(default)]
    author: String,
}

impl Source {
    /// Reads a file `source/{game}.json` of the benchmark.
    ///
    /// # Errors
    /// If the file cannot be read or is not of that form.
    pub fn read_recorded(path: &Path) -> Result<Self, LoadError> {
        let text = crate::files::read(path)?;
        let recorded: Recorded = crate::files::json(path, &text)?;
        let scenes = recorded.scenes.into_iter().map(|(name, lines)| {
            let lines = lines
                .into_iter()
                .map(|(text, indent)| Line { text: text.into(), indent, row: 0 })
                .collect();
            (name, lines)
        });
        let mut source = Self {
            title: recorded.metadata.title,
            author: recorded.metadata.author,
            scene_list: recorded.scene_list,
            scenes: scenes.collect(),
            labels: recorded.label_to_linenum,
            keywords: recorded.kw_vars.into_keys().collect(),
        };
        source.close_scenes();
        Ok(source)
    }
}
