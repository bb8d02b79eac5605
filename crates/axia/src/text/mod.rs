//! Text by strangers: made fit for a message, a terminal, a page, and a model's eyes.

mod line;
mod neutral;
mod visible;

pub(crate) use line::{is_control, one_line, plain, shortened};
pub(crate) use neutral::neutralise;
pub(crate) use visible::{Paragraphs, paragraphs, visible_line};
