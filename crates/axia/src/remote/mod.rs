//! A client for OpenAI-compatible servers: one question at a time, retried, paced and cancellable.
//!
//! [`Client`] sends JSON and reads JSON; [`ChatModel`] asks a model through chat completions;
//! [`each`] runs many questions at once.

mod address;
mod chat;
mod client;
mod error;
mod exchange;
mod pool;

pub use address::{Address, ApiKey};
pub use chat::{ChatModel, ChatOptions, ChatReply, ResponseFormat};
pub use client::{Client, ClientSettings};
pub use error::{Reach, RemoteError};
pub use exchange::Backoff;
pub use pool::each;
