//! The results of a run as files: a self-contained HTML page, CSV, JSON, and model cards.

mod card;
mod files;
mod page;
mod table;
mod upgrade;
mod verdict;

pub use card::model_card;
pub use files::{read, write, write_comparison, write_matrix};
pub use page::compare;
