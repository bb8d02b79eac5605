//! The games that ship with the program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use axia_adventure::error::LoadError;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;

use super::find::nearest;

/// Name and text of each file.
type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($game:literal: $($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../data/games/", $game, "/", $file)))),*]
    };
}

const NAMES: [&str; 3] = ["cold-harbour", "lantern-street", "the-weir"];

/// The files of each game, in the order of [`NAMES`].
const FILES: [Files; NAMES.len()] = [
    files!(
        "cold-harbour": "annotations.toml", "crate.txt", "game.toml", "home.txt", "inquiry.txt",
        "mutiny.txt", "pressure.txt", "radio.txt", "relief.txt", "startup.txt", "station.txt",
        "stowaway.txt",
    ),
    files!(
        "lantern-street": "annotations.toml", "apprentice.txt", "chapel.txt", "critic.txt",
        "festival.txt", "game.toml", "guests.txt", "guild.txt", "revels.txt", "startup.txt",
        "supper.txt", "week.txt",
    ),
    files!(
        "the-weir": "annotations.toml", "crisis.txt", "desk.txt", "game.toml", "jory.txt",
        "ledger.txt", "mine.txt", "reckoning.txt", "river.txt", "school.txt", "sitting.txt",
        "startup.txt",
    ),
];

static PARSED: [OnceLock<Arc<Game>>; NAMES.len()] = [const { OnceLock::new() }; NAMES.len()];

/// The names of the games that ship with the program.
pub fn bundled_names() -> &'static [&'static str] {
    &NAMES
}

/// A game that ships with the program, parsed when it is first asked for.
///
/// # Errors
/// If there is no game of that name.
pub fn bundled(name: &str) -> Result<Arc<Game>, LoadError> {
    let found = NAMES.iter().position(|known| *known == name);
    let Some((parsed, files)) = found.and_then(|at| Some((PARSED.get(at)?, FILES.get(at)?))) else {
        let hint = nearest(name, NAMES).into_iter().next();
        return Err(LoadError::UnknownGame { path: folder(""), name: name.into(), hint });
    };
    if let Some(game) = parsed.get() {
        return Ok(game.clone());
    }
    let game = Game::from_files(name, &folder(name), &owned(files), Limits::default())?;
    Ok(parsed.get_or_init(|| Arc::new(game)).clone())
}

/// The files of a bundled game by name; none for another game.
pub(super) fn bundled_files(name: &str) -> BTreeMap<String, String> {
    let games = NAMES.iter().zip(FILES).find(|(known, _)| **known == name);
    games.map(|(_, files)| owned(files)).unwrap_or_default()
}

/// What errors call a game's folder.
fn folder(name: &str) -> std::path::PathBuf {
    Path::new("bundled games").join(name)
}

fn owned(files: Files) -> BTreeMap<String, String> {
    files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_program() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/games");
        let mut folders: Vec<String> = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        assert_eq!(folders, NAMES);
        for name in NAMES {
            let on_disk: BTreeMap<String, String> = fs::read_dir(data.join(name))
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    let name = entry.file_name().into_string().unwrap();
                    (name, fs::read_to_string(entry.path()).unwrap())
                })
                .collect();
            assert_eq!(bundled_files(name), on_disk, "{name}");
        }
    }

    #[test]
    fn bundled_games_are_parsed_once() {
        for name in NAMES {
            let game = bundled(name).unwrap();
            assert_eq!(game.name, name);
            assert!(Arc::ptr_eq(&game, &bundled(name).unwrap()));
        }
        let error = bundled("the-wier").unwrap_err().to_string();
        assert!(error.contains("did you mean `the-weir`?"), "{error}");
    }
}
