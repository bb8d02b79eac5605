//! The games that ship with the program, and those of the benchmark.

use super::error::GamesError;
use super::find::nearest;
use axia_adventure::error::LoadError;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

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

/// How many games the benchmark has.
pub const BENCHMARK_GAMES: usize = 134;

/// The games whose results are published, by name.
pub const TEST_GAMES: [&str; 30] = [
    "avatar-of-the-wolf",
    "battlemage",
    "cliffhanger",
    "death-collector",
    "fate-of-the-storm-gods",
    "hero-of-kendrickstone",
    "hero-project-open-season",
    "hero-project-redemption-season",
    "heroes-of-myth",
    "hollywood-visionary",
    "i-cyborg",
    "kidnapped",
    "kung-fu",
    "luminous-underground",
    "metahuman-inc",
    "midsummer-nights-choice",
    "mysteries-of-baroque",
    "pendragon-rising",
    "ratings-war",
    "sea-eternal",
    "seventh-sea-a-pirates-pact",
    "slammed",
    "t-rex-time-machine",
    "tower-behind-the-moon",
    "trials-of-the-thief-taker",
    "undercover-agent",
    "vampire-the-masquerade_parliament-of-knives",
    "versus-deathscapes",
    "versus-the-lost-ones",
    "werewolves-haven-rising",
];

/// Endings of archives that people forget to unpack.
const ARCHIVES: [&str; 7] = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".7z", ".rar"];

/// Fails with what to do if a folder does not have the layout of the benchmark's `game_data/`.
pub(super) fn check_layout(data: &Path) -> Result<(), GamesError> {
    if is_game_data(data) {
        return Ok(());
    }
    let path = data.to_owned();
    if data.is_file() {
        let packed = is_archive(data);
        return Err(if packed {
            GamesError::Packed { path }
        } else {
            GamesError::NoFolder { path }
        });
    }
    let Ok(entries) = fs::read_dir(data) else { return Err(GamesError::NoFolder { path }) };
    let mut entries: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    // An archive may bring a folder of its own, which may hold the benchmark's whole repository.
    let below = entries.iter().flat_map(|entry| [entry.clone(), entry.join("game_data")]);
    if let Some(found) = below.into_iter().find(|folder| is_game_data(folder)) {
        return Err(GamesError::Elsewhere { path, found });
    }
    let above = data.canonicalize().ok().and_then(|whole| Some(whole.parent()?.to_owned()));
    if let Some(found) = above.filter(|folder| is_game_data(folder)) {
        return Err(GamesError::Elsewhere { path, found });
    }
    if let Some(archive) = entries.into_iter().find(|entry| is_archive(entry)) {
        return Err(GamesError::Packed { path: archive });
    }
    Err(GamesError::NoGameData { path })
}

/// Whether a folder looks like the benchmark's `game_data/`.
fn is_game_data(folder: &Path) -> bool {
    folder.join("source").is_dir()
}

fn is_archive(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    path.is_file() && name.is_some_and(|name| ARCHIVES.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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

    #[test]
    fn misplaced_data_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let message = |path: &Path| check_layout(path).unwrap_err().to_string();
        assert!(message(&root.join("no")).contains("is no folder"));
        assert!(message(root).contains("no folder `source`"));
        fs::write(root.join("game_data.zip"), "PK").unwrap();
        assert!(message(root).contains("unpack `"), "{}", message(root));
        assert!(message(&root.join("game_data.zip")).contains("unpack `"));
        let data = root.join("machiavelli/game_data");
        fs::create_dir_all(data.join("source")).unwrap();
        assert!(check_layout(&data).is_ok());
        for wrong in [root, &root.join("machiavelli"), &data.join("source")] {
            let said = message(wrong);
            assert!(said.contains("name that folder") && said.contains("game_data"), "{said}");
        }
    }
}
