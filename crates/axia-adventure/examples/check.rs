//! What is wrong with a game of one's own: `cargo run --release --example check -- FOLDER…`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use axia_adventure::check::{CheckOptions, Severity, check};
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;

fn main() -> ExitCode {
    let mut failed = false;
    for folder in std::env::args().skip(1) {
        match Game::read_folder(Path::new(&folder), Limits::default()) {
            Err(error) => {
                failed = true;
                eprintln!("{folder}: {error}");
            }
            Ok(game) => {
                let report = check(&Arc::new(game), &CheckOptions::default());
                println!("{folder}");
                report.findings.iter().for_each(|finding| println!("  {finding}"));
                println!("  {:?}", report.branching);
                failed |= report.findings.iter().any(|one| one.severity == Severity::Error);
            }
        }
    }
    ExitCode::from(u8::from(failed))
}
