//! Reading the reference data.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use flate2::read::GzDecoder;
use serde_json::Value;

/// The folder of the reference data, from any crate of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../axia-adventure/tests/fixtures/machiavelli")
}

/// The text of a file, given without its `.gz`.
pub fn text(path: &str) -> String {
    let file = std::fs::File::open(root().join(format!("{path}.gz"))).expect(path);
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect(path);
    text
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).expect(path)
}

/// The values of a JSON Lines file.
pub fn lines(path: &str) -> Vec<Value> {
    text(path).lines().map(|line| serde_json::from_str(line).expect(path)).collect()
}

/// Writes the reference game's `game_data` into a folder.
pub fn write_game_data(folder: &Path) {
    for file in [
        "source/harbour-ledger.json",
        "trees/harbour-ledger_game_tree.json",
        "annotations_clean/harbour-ledger.json",
        "annotations_clean/variables.json",
        "game_metadata.json",
        "normalization_coeffs.json",
    ] {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text(&format!("game_data/{file}"))).expect(file);
    }
}

/// The reference game, loaded from files.
pub fn game() -> Arc<Game> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_game_data(folder.path());
    let game = Game::read_benchmark(folder.path(), "harbour-ledger", Limits::default());
    Arc::new(game.expect("the reference game"))
}

/// Says where two JSON values first differ. Numbers must be equal to the last bit unless a
/// tolerance is given; 2 and 2.0 differ.
pub fn difference(path: &str, found: &Value, wanted: &Value, tolerance: f64) -> Option<String> {
    let differ = || Some(format!("{path}: found {found}, wanted {wanted}"));
    match (found, wanted) {
        (Value::Object(a), Value::Object(b)) => {
            if let Some(missing) = b.keys().find(|key| !a.contains_key(*key)) {
                return Some(format!("{path}.{missing} is missing"));
            }
            if let Some(more) = a.keys().find(|key| !b.contains_key(*key)) {
                return Some(format!("{path}.{more} is not wanted"));
            }
            b.iter()
                .find_map(|(key, b)| difference(&format!("{path}.{key}"), &a[key], b, tolerance))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(&format!("{path}[{i}]"), a, b, tolerance)),
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64()?, b.as_f64()?);
            let close = (x - y).abs() <= tolerance * y.abs();
            let same = a == b || (tolerance > 0.0 && close);
            if same { None } else { differ() }
        }
        (a, b) if a == b => None,
        _ => differ(),
    }
}
