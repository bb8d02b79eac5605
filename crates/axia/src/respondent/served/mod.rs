//! A model behind an OpenAI-compatible server.
//!
//! Servers differ in what they can do and in what they quietly ignore. [`Served::connect`] asks
//! probe questions first; what they show decides how log-likelihoods are read ([`Method`]) and is
//! kept in the [`Account`] that every result carries.

mod account;
mod answer;
mod asking;
mod cache;
mod first_token;
mod model;
mod probe;
mod prompt_logprobs;
mod wording;

pub use account::{Account, Captured, Finding, ServedError, State};
pub use cache::AnswerCache;
pub use model::{Method, MethodChoice, Served, ServedSettings, Shape};
