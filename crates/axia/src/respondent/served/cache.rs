//! Answers on disk.

use super::answer::Answer;
use crate::files::sha256;
use axia_engine::error::FileError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

const FORMAT_VERSION: u32 = 1;

/// Answers of servers by what was asked, kept as they come.
///
/// A folder of JSON lines. Every process writes to a file of its own and reads all, so that several
/// may share a folder; a line that a killed process left half written counts as none.
pub struct AnswerCache {
    folder: Option<PathBuf>,
    known: Mutex<HashMap<String, Kept>>,
    file: Mutex<Option<(File, PathBuf)>>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kept {
    /// An answer.
    Answer(Answer),
    /// The server takes no such request.
    Refused(Refusal),
    /// The context that the server's list of models says the model has.
    Context {
        /// Its length.
        tokens: Option<usize>,
    },
}

/// Why a server takes no such request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// What it said.
    pub(super) said: String,
}

/// What was asked: all that the answer may depend on. The body holds the model's name.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Asked<'a> {
    /// Full address of the endpoint.
    pub(super) url: &'a str,
    /// The request.
    pub(super) body: &'a Value,
    /// Number among requests that are alike.
    pub(super) draw: u64,
}

/// A line of the file.
#[derive(Serialize)]
struct Line<'a> {
    format_version: u32,
    url: &'a str,
    draw: u64,
    body: &'a Value,
    kept: &'a Kept,
}

#[derive(Deserialize)]
struct OwnedLine {
    format_version: u32,
    url: String,
    draw: u64,
    body: Value,
    kept: Kept,
}

impl Asked<'_> {
    fn key(self) -> String {
        sha256(format!("{}\n{}\n{}", self.url, self.draw, self.body).as_bytes())
    }
}

impl AnswerCache {
    /// Answers that last as long as the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { folder: None, known: Mutex::default(), file: Mutex::default() }
    }

    /// The answers in `folder`, which is made where there is none.
    ///
    /// # Errors
    /// [`FileError`] where the folder cannot be read or made.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        std::fs::create_dir_all(folder).map_err(FileError::on("write", folder))?;
        let mut known = HashMap::new();
        let entries = std::fs::read_dir(folder).map_err(FileError::on("read", folder))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "jsonl")) {
            let bytes = std::fs::read(path).map_err(FileError::on("read", path))?;
            for line in bytes.split(|&byte| byte == b'\n') {
                // What cannot be read is asked again.
                let Ok(line) = serde_json::from_slice::<OwnedLine>(line) else { continue };
                if line.format_version == FORMAT_VERSION {
                    let asked = Asked { url: &line.url, body: &line.body, draw: line.draw };
                    known.insert(asked.key(), line.kept);
                }
            }
        }
        Ok(Self { folder: Some(folder.to_owned()), known: known.into(), file: Mutex::default() })
    }

    /// What came of a request, if it was made before.
    pub(super) fn get(&self, asked: Asked) -> Option<Kept> {
        held(&self.known).get(&asked.key()).cloned()
    }

    /// Keeps what came of a request; it is handed to the system before this returns.
    ///
    /// # Errors
    /// [`FileError`].
    pub(super) fn put(&self, asked: Asked, kept: &Kept) -> Result<(), FileError> {
        if let Some(folder) = &self.folder {
            let mut file = held(&self.file);
            if file.is_none() {
                *file = Some(new_file(folder)?);
            }
            if let Some((file, path)) = file.as_mut() {
                let Asked { url, body, draw } = asked;
                let line = Line { format_version: FORMAT_VERSION, url, draw, body, kept };
                let line = serde_json::to_string(&line).map_err(std::io::Error::other);
                // In one piece, so that a kill leaves at most one line unfinished.
                let written = line.and_then(|line| file.write_all((line + "\n").as_bytes()));
                written.map_err(FileError::on("write", path))?;
            }
        }
        held(&self.known).insert(asked.key(), kept.clone());
        Ok(())
    }
}

fn new_file(folder: &Path) -> Result<(File, PathBuf), FileError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("answers-{}-{}.jsonl", since.as_nanos(), std::process::id());
    let path = folder.join(name);
    let file = OpenOptions::new().create_new(true).append(true).open(&path);
    Ok((file.map_err(FileError::on("write", &path))?, path))
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(text: &str) -> Kept {
        Kept::Answer(Answer { text: text.to_owned(), ..Answer::default() })
    }

    #[test]
    fn everything_asked_tells_answers_apart() {
        let (a, b) = (json!({"prompt": "a"}), json!({"prompt": "b"}));
        let asked = Asked { url: "http://h/v1/completions", body: &a, draw: 0 };
        let cache = AnswerCache::in_memory();
        cache.put(asked, &answer("x")).unwrap();
        assert_eq!(cache.get(asked), Some(answer("x")));
        for other in [
            Asked { url: "http://i/v1/completions", ..asked },
            Asked { body: &b, ..asked },
            Asked { draw: 1, ..asked },
        ] {
            assert_eq!(cache.get(other), None, "{other:?}");
        }
    }

    #[test]
    fn processes_share_a_folder_and_half_a_line_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let bodies: Vec<Value> = (0..3).map(|i| json!({"prompt": i})).collect();
        let asked = |i: usize| Asked { url: "u", body: &bodies[i], draw: 0 };
        let (one, two) =
            (AnswerCache::open(folder.path()).unwrap(), AnswerCache::open(folder.path()).unwrap());
        one.put(asked(0), &answer("0")).unwrap();
        two.put(asked(1), &Kept::Refused(Refusal { status: 400, said: "no".to_owned() })).unwrap();
        one.put(asked(2), &answer("2")).unwrap();
        drop((one, two));

        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 2);
        let cut = names.iter().find(|n| std::fs::read_to_string(n).unwrap().lines().count() == 2);
        let text = std::fs::read_to_string(cut.unwrap()).unwrap();
        std::fs::write(cut.unwrap(), &text[..text.len() - 9]).unwrap();

        let again = AnswerCache::open(folder.path()).unwrap();
        assert_eq!(again.get(asked(0)), Some(answer("0")));
        assert!(matches!(again.get(asked(1)), Some(Kept::Refused(Refusal { status: 400, .. }))));
        assert_eq!(again.get(asked(2)), None);
    }
}
