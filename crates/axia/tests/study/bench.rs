//! A folder with a model in which commands run.

use crate::model::Recipe;
pub use crate::said::Said;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder with `model/`, a tiny model, and `survey.toml`, a tiny survey.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self::with_model(&Recipe::default())
    }

    pub fn with_model(recipe: &Recipe) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        recipe.write(&bench.path("model"));
        bench.write("survey.toml", &survey());
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn read_json(&self, name: &str) -> Json {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    pub fn read_lines(&self, name: &str) -> Vec<Json> {
        self.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `axia` with these words, in the folder, apart from the user's own models and settings.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        command
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .env("AXIA_CACHE", self.path("cache"))
            .env("HF_HOME", self.path("hub"))
            .env("HF_HUB_OFFLINE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, words: &str) -> Said {
        self.command(words).output().unwrap().into()
    }

    /// Runs a command that succeeds, and gives its data.
    #[track_caller]
    pub fn ok(&self, words: &str) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said.out
    }

    /// Runs a command that succeeds and prints one JSON value and nothing else.
    #[track_caller]
    pub fn json(&self, words: &str) -> Json {
        let out = self.ok(words);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{words}: {e} in {out}"))
    }

    /// Runs a command that fails with this exit code, prints no data, and says all of `parts`.
    #[track_caller]
    pub fn fails(&self, words: &str, code: i32, parts: &[&str]) {
        let said = self.run(words);
        assert_eq!(said.code, code, "{words}: {said:?}");
        assert_eq!(said.out, "", "{words}");
        assert!(!said.err.contains("panicked"), "{words}: {}", said.err);
        for part in parts {
            assert!(said.err.contains(part), "{words}: no `{part}` in {}", said.err);
        }
    }

    /// Every file below `name`, by its path there.
    /// (A run holds its `.lock`, which is empty.)
    pub fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.path(name);
        let mut files = BTreeMap::new();
        collect(&top, &top, &mut files);
        files.remove(".lock");
        files
    }

    /// What a run computed: its files below `name`, less those that hold times.
    pub fn numbers(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files(name);
        files.retain(|path, _| {
            ["adapters/", "baseline/", "frontier/", "responses/", "validation/"]
                .iter()
                .any(|folder| path.starts_with(folder))
        });
        assert!(!files.is_empty(), "{name} holds no numbers");
        files
    }
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// Three values with two items in every split.
fn survey() -> String {
    let mut text = "format_version = 1\nname = \"tiny\"\n\
        instructions = [\"Rate it from 1 to 6.\", \"How like you is it, 1 to 6?\"]\n\
        templates = [\"Rating: {rating}\", \"I choose {rating}.\"]\n"
        .to_owned();
    for (value, verb) in [("hedonism", "enjoy"), ("face", "shine"), ("humility", "bow")] {
        for split in ["train", "validation", "test"] {
            for number in 1..=2 {
                text += &format!(
                    "[[item]]\nid = \"{value}-{split}-{number}\"\nvalue = \"{value}\"\n\
                     split = \"{split}\"\nstatement = \"I {verb} a {split} {number}.\"\n"
                );
            }
        }
    }
    text
}
