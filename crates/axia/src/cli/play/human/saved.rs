//! Saved games: a seed and what was done.

use crate::cli::session::Session;
use crate::files::{folder_of, write_whole};
use crate::games::LoadedGame;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;
use std::{fs, thread};

/// Digits of a game's hash in a file's name.
const HASH_DIGITS: usize = 8;

/// A saved game. It is restored by playing it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedGame {
    format_version: u32,
    /// The game's name.
    game: String,
    /// The hash of its files.
    hash: String,
    /// The seed.
    pub seed: u64,
    /// What was done.
    pub actions: Vec<usize>,
}

impl SavedGame {
    /// A game in progress.
    pub fn new(loaded: &LoadedGame, seed: u64, actions: &[usize]) -> Self {
        Self {
            format_version: 1,
            game: loaded.game.name.clone(),
            hash: loaded.hash.clone(),
            seed,
            actions: actions.to_vec(),
        }
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let failed =
            |error: std::io::Error| format!("failed to write `{}`: {error}", path.display());
        fs::create_dir_all(folder_of(path)).map_err(failed)?;
        let text = serde_json::to_string(self).map_err(|error| error.to_string())? + "\n";
        write_whole(path, text.as_bytes()).map_err(failed)
    }

    /// Reads a file; `None` if there is none.
    pub fn read(path: &Path, loaded: &LoadedGame) -> Result<Option<Self>, String> {
        let failed = |reason: String| format!("failed to read `{}`: {reason}", path.display());
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let saved: Self = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
        if saved.format_version != 1 {
            let version = saved.format_version;
            return Err(failed(format!("its format_version is {version}; this axia reads 1")));
        }
        if saved.hash != loaded.hash {
            let game = match saved.game == loaded.game.name {
                true => format!("another version of `{}`", saved.game),
                false => format!("`{}`", saved.game),
            };
            return Err(failed(format!("it is a game of {game}")));
        }
        Ok(Some(saved))
    }
}

/// Where a game is saved unless the user says otherwise: in the user's folder for state, by the
/// name and hash of the game. `None` if no variable says where that is.
pub fn default_path(loaded: &LoadedGame) -> Option<PathBuf> {
    let folder = state_folder(|name| std::env::var_os(name))?;
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = loaded.game.name.chars().map(letter).take(60).collect();
    let hash = loaded.hash.get(..HASH_DIGITS).unwrap_or_default();
    Some(folder.join("axia").join("saves").join(format!("{name}-{hash}.json")))
}

/// `XDG_STATE_HOME`, or `.local/state` in the user's home. The XDG specification wants relative
/// paths ignored.
fn state_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    path("XDG_STATE_HOME").or_else(|| {
        let home = path("HOME").or_else(|| path("USERPROFILE"))?;
        Some(home.join(".local").join("state"))
    })
}

/// How often a wish to stop is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Lines of standard input, read beside the game: a read that waits would not notice Ctrl-C.
pub struct Input {
    lines: Receiver<String>,
    typed: bool,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without white space around it.
    Line(String),
    /// There is no more.
    End,
    /// The user pressed Ctrl-C.
    Stopped,
}

impl Input {
    /// Begins to read.
    pub fn new() -> Self {
        let (sender, lines) = sync_channel(0);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self { lines, typed: io::stdin().is_terminal() }
    }

    /// The next line.
    pub fn next(&self, session: &Session) -> Typed {
        loop {
            if session.cancelled() {
                return Typed::Stopped;
            }
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Typed::Line(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Typed::End,
            }
        }
    }

    /// Whether the lines come from a terminal, which shows them itself.
    pub const fn is_typed(&self) -> bool {
        self.typed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::games::Location;

    #[test]
    fn games_are_saved_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/save.json");
        let weir = Location::Bundled("the-weir").load().unwrap();
        assert_eq!(SavedGame::read(&path, &weir), Ok(None));
        let saved = SavedGame::new(&weir, 7, &[0, 2]);
        saved.write(&path).unwrap();
        assert_eq!(SavedGame::read(&path, &weir), Ok(Some(saved.clone())));
        let other = Location::Bundled("cold-harbour").load().unwrap();
        let error = SavedGame::read(&path, &other).unwrap_err();
        assert!(error.contains("it is a game of `the-weir`"), "{error}");
        let newer = SavedGame { format_version: 2, ..saved.clone() };
        newer.write(&path).unwrap();
        assert!(SavedGame::read(&path, &weir).unwrap_err().contains("format_version is 2"));
        let changed = SavedGame { hash: "0".into(), ..saved };
        changed.write(&path).unwrap();
        assert!(SavedGame::read(&path, &weir).unwrap_err().contains("another version"));
        fs::write(&path, "{\"format_version\": 1").unwrap();
        assert!(SavedGame::read(&path, &weir).unwrap_err().contains("EOF"));
    }

    #[test]
    fn the_state_folder_is_the_users() {
        let of = |set: &[(&str, &str)]| {
            state_folder(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        assert_eq!(of(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), Some("/s".into()));
        assert_eq!(of(&[("XDG_STATE_HOME", "s"), ("HOME", "/h")]), Some("/h/.local/state".into()));
        assert_eq!(of(&[("XDG_STATE_HOME", "")]), None);
    }
}
