//! Games to play: those that ship with axia, folders of one's own, the benchmark's data.

mod bundled;
mod error;
mod find;
mod location;
pub mod verify;

pub use bundled::{BENCHMARK_GAMES, TEST_GAMES, bundled, bundled_names};
pub use error::GamesError;
pub use find::{find_benchmark, find_own, game_folders};
pub use location::{LoadedGame, Location, content_hash};
