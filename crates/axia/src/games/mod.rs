//! Games to play: those that ship with axia, folders of one's own, the benchmark's data.

mod benchmark;
mod bundled;
mod error;
mod find;
mod location;
pub mod verify;

pub use benchmark::{BENCHMARK_GAMES, TEST_GAMES};
pub use bundled::{bundled, bundled_names};
pub use error::GamesError;
pub use find::{find_benchmark, find_own, game_folders};
pub use location::{LoadedGame, Location, content_hash};
