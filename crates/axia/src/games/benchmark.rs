//! What is known of the benchmark's data without having it.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::GamesError;

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
