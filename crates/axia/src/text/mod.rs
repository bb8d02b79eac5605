//! Text by strangers: made fit for a message, a terminal, a page, and a model's eyes.

mod line;
mod neutral;

pub(crate) use line::{
    Paragraphs, is_control, one_line, paragraphs, plain, shortened, visible_line,
};
pub(crate) use neutral::neutralise;
