//! Respondents as an OpenAI-compatible server: completions with log-probabilities of the prompt,
//! chats, and the model's tokenizer, for a base model and any number of adapters on it.
//!
//! HTTP is spoken by a small asynchronous runtime ([`Server`]). One thread computes: it collects
//! jobs that arrive together, reads texts through prefix forests and draws continuations in
//! batches, one respondent's at a time. A job's answers come back token by token over a channel,
//! and whoever no longer listens ends the job.

mod answer;
mod connections;
mod members;
mod patient;
mod request;
mod routes;
mod server;
mod service;
mod worker;

pub use members::Members;
pub use routes::ServeError;
pub use server::{AccessKey, Server};
pub use service::ServeSettings;
