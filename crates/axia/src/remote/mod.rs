//! A client for OpenAI-compatible servers: one question at a time, retried, paced and cancellable.
//!
//! [`Client`] sends JSON and reads JSON; [`ChatModel`] asks a model through chat completions;
//! [`each`] runs many questions at once.

mod address;
mod agent;
mod backoff;
mod chat;
mod client;
mod error;
mod exchange;
mod key;
mod pace;
mod pool;
mod settings;

pub use address::Address;
pub use backoff::Backoff;
pub use chat::{ChatModel, ChatOptions, ChatReply, ResponseFormat};
pub use client::Client;
pub use error::{Reach, RemoteError};
pub use key::ApiKey;
pub use pool::each;
pub use settings::ClientSettings;
