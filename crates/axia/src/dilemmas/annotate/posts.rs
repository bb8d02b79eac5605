//! The posts to be annotated, one at a time.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use axia_engine::error::FileError;

use super::AnnotateError;
use crate::dilemmas::Candidate;

/// Reads candidates line by line, each id once.
pub(super) struct Posts {
    path: PathBuf,
    lines: io::Lines<BufReader<File>>,
    line: usize,
    seen: HashSet<String>,
}

impl Posts {
    pub(super) fn open(path: &Path) -> Result<Self, AnnotateError> {
        let file = File::open(path).map_err(FileError::on("open", path))?;
        let lines = BufReader::new(file).lines();
        Ok(Self { path: path.to_owned(), lines, line: 0, seen: HashSet::new() })
    }

    fn read(&mut self, line: io::Result<String>) -> Result<Candidate, AnnotateError> {
        self.line += 1;
        let text = line.map_err(FileError::on("read", &self.path))?;
        serde_json::from_str(&text).map_err(|e| AnnotateError::Post {
            path: self.path.clone(),
            line: self.line,
            problem: e.to_string(),
        })
    }
}

impl Iterator for Posts {
    type Item = Result<Candidate, AnnotateError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.next()?;
            match self.read(line) {
                Ok(post) if !self.seen.insert(post.id.clone()) => {}
                result => return Some(result),
            }
        }
    }
}
