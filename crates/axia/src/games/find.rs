//! Which games a user means.

use std::fs;
use std::path::{Path, PathBuf};

use axia_adventure::game::Game;

use super::bundled::bundled_names;
use super::bundled::check_layout;
use super::error::GamesError;
use super::location::Location;

/// How alike names must be to be suggested, and how many are.
const ALIKE: f64 = 0.75;
const SUGGESTED: usize = 3;

/// Games of one's own. `games` is a folder of games (or a game itself) in which the games called
/// `names` are taken, or all. Without it the names are those of bundled games or paths of folders,
/// and no name means all bundled games.
///
/// # Errors
/// If there is no such game.
pub fn find_own(games: Option<&Path>, names: &[String]) -> Result<Vec<Location>, GamesError> {
    let Some(folder) = games else {
        if names.is_empty() {
            return Ok(bundled_names().iter().map(|name| Location::Bundled(name)).collect());
        }
        return names.iter().map(|name| bundled_or_path(name)).collect();
    };
    let all = game_folders(folder)?;
    if names.is_empty() {
        return Ok(all);
    }
    let there: Vec<String> = all.iter().map(Location::name).collect();
    let find = |name: &String| {
        let found = all.iter().find(|location| location.name() == *name);
        found.cloned().ok_or_else(|| unknown(name, format!("in `{}`", folder.display()), &there))
    };
    names.iter().map(find).collect()
}

fn bundled_or_path(name: &str) -> Result<Location, GamesError> {
    if let Some(known) = bundled_names().iter().find(|known| **known == name) {
        return Ok(Location::Bundled(known));
    }
    let path = PathBuf::from(name);
    if path.join("game.toml").is_file() {
        return Ok(Location::Folder(path));
    }
    if path.is_dir() {
        return Err(GamesError::NoGame { path });
    }
    let there: Vec<String> = bundled_names().iter().map(|name| (*name).to_owned()).collect();
    Err(unknown(name, "among the bundled ones, nor such a folder".to_owned(), &there))
}

/// The games in a folder: itself if it is one, else the folders in it that are.
///
/// # Errors
/// If there is none.
pub fn game_folders(folder: &Path) -> Result<Vec<Location>, GamesError> {
    let is_game = |path: &Path| path.join("game.toml").is_file();
    if is_game(folder) {
        return Ok(vec![Location::Folder(folder.to_owned())]);
    }
    let entries =
        fs::read_dir(folder).map_err(|_| GamesError::NoFolder { path: folder.to_owned() })?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_game(path)).collect();
    paths.sort();
    match paths.is_empty() {
        true => Err(GamesError::NoGame { path: folder.to_owned() }),
        false => Ok(paths.into_iter().map(Location::Folder).collect()),
    }
}

/// Games of the benchmark, by name.
///
/// # Errors
/// If none is named, one is not there, or the folder is not the benchmark's `game_data`.
pub fn find_benchmark(data: &Path, names: &[String]) -> Result<Vec<Location>, GamesError> {
    check_layout(data)?;
    let there = Game::list_benchmark(data)?;
    if names.is_empty() {
        return Err(GamesError::Unnamed { path: data.to_owned(), there });
    }
    let find = |name: &String| match there.contains(name) {
        true => Ok(Location::Benchmark { data: data.to_owned(), name: name.clone() }),
        false => Err(unknown(name, format!("in `{}`", data.join("source").display()), &there)),
    };
    names.iter().map(find).collect()
}

fn unknown(name: &str, place: String, there: &[String]) -> GamesError {
    let nearest = nearest(name, there.iter().map(String::as_str));
    GamesError::Unknown { name: name.to_owned(), place, nearest, there: there.to_vec() }
}

/// The names most like `wanted`, best first; none if none is alike.
pub(super) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut alike: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    alike.into_iter().take(SUGGESTED).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(locations: &[Location]) -> Vec<String> {
        locations.iter().map(Location::name).collect()
    }

    #[test]
    fn own_games_are_bundled_or_lie_in_folders() {
        assert_eq!(names(&find_own(None, &[]).unwrap()), bundled_names());
        let one = find_own(None, &["the-weir".into()]).unwrap();
        assert_eq!(one, [Location::Bundled("the-weir")]);
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/games");
        assert_eq!(names(&find_own(Some(&data), &[]).unwrap()), bundled_names());
        let one = find_own(Some(&data), &["the-weir".into()]).unwrap();
        assert_eq!(one, [Location::Folder(data.join("the-weir"))]);
        assert_eq!(find_own(Some(&data.join("the-weir")), &[]).unwrap(), one);
        let path = data.join("the-weir").to_str().unwrap().to_owned();
        assert_eq!(find_own(None, &[path]).unwrap(), one);
    }

    #[test]
    fn wrong_names_are_answered_with_near_ones() {
        let said = |games: Option<&Path>, name: &str| {
            find_own(games, &[name.into()]).unwrap_err().to_string()
        };
        assert!(said(None, "the-wier").contains("did you mean `the-weir`?"));
        let said_all = said(None, "zzz");
        assert!(said_all.contains("`cold-harbour`, `lantern-street`, `the-weir`"), "{said_all}");
        let empty = tempfile::tempdir().unwrap();
        assert!(said(Some(empty.path()), "x").contains("no game.toml"));
        assert!(said(None, empty.path().to_str().unwrap()).contains("no game.toml"));
        assert!(said(Some(&empty.path().join("no")), "x").contains("is no folder"));
    }
}
