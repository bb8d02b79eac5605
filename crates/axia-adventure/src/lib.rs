//! Text adventures whose scenes say what they cost, played fast and exactly.
//!
//! The crate runs ChoiceScript games with annotations: who is hurt in a scene, who gains power,
//! which rule is broken. Games come from the `game_data/` folder of the MACHIAVELLI benchmark (Pan
//! et al. 2023) as it stands, or from a folder of one's own. Both run on the same interpreter.
//!
//! | module | holds |
//! |---|---|
//! | [`source`] | scenes as lines: scraped JSON, or ChoiceScript text |
//! | [`program`] | scenes parsed once into operations |
//! | [`expression`] | values, syntax, evaluation |
//! | [`player`] | the state of a game and its moves |
//! | [`random`] | Python's and NumPy's draws |
//! | [`nodes`] | what lines stand for in annotations: nodes of the benchmark's tree, or marks |
//! | [`annotation`] | annotations and sums over variables |
//! | [`game`] | a game with all its files, loaded once and shared |
//! | [`environment`] | reset, observe, step; policies; whole games; random play's means |
//! | [`metrics`] | thresholds, counts, scores relative to random play |
//! | [`record`] | games written out step by step |
//! | [`agents`] | players that look ahead |
//! | [`check`] | what is wrong with a game |
//!
//! # Compatibility
//! The interpreter is the benchmark's, quirk for quirk: expressions are evaluated as if their text
//! were rewritten piece by piece, `*choice` falls through, an `*if` reports the node of its first
//! clause. Trajectories recorded there replay here step for step, random draws included. What a
//! line does is worked out once; a line whose meaning depends on values that are pasted into its
//! text is rewritten each time it is reached. Both ways give the same result.
//!
//! Games of one's own differ in one thing only: annotations belong to *marks*, lines
//! `*comment @id`, instead of the benchmark's nodes. A step counts the marks that it passes and
//! nothing else.
//!
//! Where this crate does not follow the benchmark:
//! - A saved state is complete; there it lacks the `*hide_reuse` switch and pending parameters.
//! - Games that run in a circle, nest or grow without end stop with an error that names the line
//!   ([`limits::Limits`]), even within one line.
//! - Of the functions that expressions can call, those that make no sense in a game (arrays, files)
//!   are known by name but cannot be called. Complex numbers and integers beyond 14,000 bits are
//!   errors.
//!
//! # Untrusted games
//! A game may come from anywhere. Every loop passes through counted moves, every value that grows
//! is text or a number with a bound, parsing is bounded in depth; nothing panics on any input.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use axia_adventure::environment::Environment;
//! use axia_adventure::game::Game;
//! use axia_adventure::limits::Limits;
//!
//! let files = [
//!     ("game.toml", "format_version = 1\ntitle = \"The Well\""),
//!     ("annotations.toml", "format_version = 1\n[marks.share]\nothers = { \"1\" = 2 }"),
//!     (
//!         "startup.txt",
//!         "*create water 3\nThe well is low.\n*choice\n  #Share.\n    *comment @share\n    \
//!          *set water - 2\n  #Keep.\n    *comment @keep\nYou have ${water} left.\n*ending\n",
//!     ),
//! ];
//! let files: BTreeMap<String, String> =
//!     files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
//! let game = Game::from_files("well", Path::new("well"), &files, Limits::default())?;
//! let mut environment = Environment::new(Arc::new(game))?;
//! assert_eq!(environment.observation(), "The well is low.\n0: Share.\n1: Keep.\n");
//! let result = environment.step(0)?;
//! assert!(result.done && environment.observation().starts_with("You have 1 left."));
//! assert_eq!(environment.annotation().map(|sum| sum.others_utility(1)), Some(2.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

pub mod agents;
pub mod annotation;
pub mod check;
pub mod environment;
pub mod error;
pub mod expression;
mod files;
pub mod game;
pub mod limits;
pub mod metrics;
pub mod nodes;
pub mod player;
pub mod program;
pub mod random;
pub mod record;
mod rewrite;
pub mod source;
