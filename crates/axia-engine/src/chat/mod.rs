//! Chats written out as the text a model was trained on.

mod chat_template;
mod environment;
mod error;
mod message;
mod strftime;

pub use chat_template::ChatTemplate;
pub use error::ChatError;
pub use message::{ChatMessage, Role};
