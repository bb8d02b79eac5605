//! Reports of runs: self-contained HTML, CSV and JSON.

mod error;
mod figure;
mod files;
mod page;
mod table;
mod verdict;
mod words;

pub use error::ReportError;
pub use files::{read, write, write_comparison};
pub use page::compare;
