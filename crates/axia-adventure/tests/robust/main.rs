//! Whatever a game does, the interpreter neither panics nor runs on for ever.

mod generated;
mod limits;
mod saved;
mod stub;
