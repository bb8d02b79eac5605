//! Reports of runs: self-contained HTML, CSV and JSON.

mod card;
mod error;
mod figure;
mod files;
mod gain_verdict;
mod metrics;
mod page;
mod play_verdict;
mod table;
mod verdict;
mod words;

pub use card::model_card;
pub use error::ReportError;
pub use files::{read, write, write_comparison, write_matrix};
pub use page::compare;
