//! A random part of the candidates, for builds that do not annotate them all.

use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use axia_engine::error::FileError;
use serde::Deserialize;

use super::BuildFolder;
use crate::dilemmas::BuildError;
use crate::dilemmas::words::{hash_word, mix};
use crate::files::temporary_beside;

const SAMPLE: &str = "sample.jsonl";

/// Writes `size` of the candidates, drawn at random with `seed`, to `sample.jsonl` in their order,
/// and gives its path. A larger sample with the same seed holds a smaller one, so that a build can
/// go on with more posts.
///
/// # Errors
/// [`BuildError::File`], [`BuildError::Damaged`].
pub fn sample(folder: &BuildFolder, size: usize, seed: u64) -> Result<PathBuf, BuildError> {
    let (from, path) = (folder.candidates(), folder.join(SAMPLE));
    let mut least: BinaryHeap<(u64, usize)> = BinaryHeap::new();
    for_each_line(&from, |index, line| {
        #[derive(Deserialize)]
        struct Post<'a> {
            #[serde(borrow)]
            id: &'a str,
        }
        let post: Post<'_> = serde_json::from_str(line)
            .map_err(|e| damaged(&from, format!("line {}: {e}", index + 1)))?;
        least.push((mix(hash_word(post.id) ^ mix(seed)), index));
        if least.len() > size {
            least.pop();
        }
        Ok(())
    })?;
    let chosen: BTreeSet<usize> = least.into_iter().map(|(_, index)| index).collect();
    let failed = || FileError::on("write", &path);
    let mut out = BufWriter::new(temporary_beside(&path).map_err(failed())?);
    for_each_line(&from, |index, line| {
        if chosen.contains(&index) {
            writeln!(out, "{line}").map_err(failed())?;
        }
        Ok(())
    })?;
    let file = out.into_inner().map_err(|e| failed()(e.into_error()))?;
    file.persist(&path).map_err(|e| failed()(e.error))?;
    Ok(path)
}

fn damaged(path: &Path, problem: String) -> BuildError {
    BuildError::Damaged { path: path.to_owned(), problem }
}

fn for_each_line(
    path: &Path,
    mut each: impl FnMut(usize, &str) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let failed = |error: io::Error| FileError::on("read", path)(error);
    let mut lines = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = String::new();
    for index in 0.. {
        line.clear();
        if lines.read_line(&mut line).map_err(failed)? == 0 {
            break;
        }
        each(index, line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_samples_hold_smaller_ones() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BuildFolder::open(dir.path()).unwrap();
        let posts: Vec<String> = (0..200).map(|i| format!("{{\"id\":\"p{i}\",\"n\":1}}")).collect();
        std::fs::write(folder.candidates(), posts.join("\n") + "\n").unwrap();
        let drawn = |size, seed| -> Vec<String> {
            let path = sample(&folder, size, seed).unwrap();
            std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
        };
        let (few, many) = (drawn(20, 1), drawn(60, 1));
        assert_eq!((few.len(), many.len(), drawn(500, 1).len()), (20, 60, 200));
        assert!(few.iter().all(|post| many.contains(post)));
        assert_eq!(drawn(20, 1), few);
        assert_ne!(drawn(20, 2), few);
        // In the order of the candidates, from all over them.
        let places: Vec<usize> =
            many.iter().map(|post| posts.iter().position(|p| p == post).unwrap()).collect();
        assert!(places.is_sorted());
        assert!((20..40).contains(&places.iter().filter(|place| **place < 100).count()));
    }

    #[test]
    fn damaged_candidates_are_named_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = BuildFolder::open(dir.path()).unwrap();
        std::fs::write(folder.candidates(), "{\"id\":\"a\"}\n{\"id\":3}\n").unwrap();
        let message = sample(&folder, 1, 0).unwrap_err().to_string();
        assert!(message.contains("candidates.jsonl") && message.contains("line 2"), "{message}");
    }
}
