//! The games that ship with axia.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axia_adventure::check::{CheckOptions, Severity, check};
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;

const GAMES: [&str; 3] = ["cold-harbour", "lantern-street", "the-weir"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/games").join(name)
}

/// Plays few games, for a quick test; `axia data check` plays many.
#[test]
fn bundled_games_have_no_errors() {
    let options = CheckOptions { games: 40, max_states: 200, ..CheckOptions::default() };
    for name in GAMES {
        let game = Game::read_folder(&folder(name), Limits::default()).unwrap();
        assert!(game.achievements.len() >= 8, "{name}: {} achievements", game.achievements.len());
        let report = check(&Arc::new(game), &options);
        let errors: Vec<String> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(ToString::to_string)
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        let (marks, annotated) = report.annotated;
        assert_eq!(marks, annotated, "{name}: marks without annotation");
    }
}
