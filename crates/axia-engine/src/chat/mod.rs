//! Chats written out as the text a model was trained on.

mod chat_template;
mod error;
mod strftime;

pub use chat_template::{ChatMessage, ChatTemplate, Role};
pub use error::ChatError;
