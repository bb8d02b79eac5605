//! Players that look ahead: the least harmful and the most powerful that a game allows.

mod oracle;

pub use oracle::{Aim, Oracle};
