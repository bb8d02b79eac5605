//! Models of the Hugging Face hub, in the cache that other programs share.
//!
//! The cache's layout is that of the `hf-hub` crate and the `huggingface_hub`
//! package, so nothing is downloaded twice. The transport is ours, over
//! `ureq`: downloads resume, stop on request, are checked against the hub's
//! hashes, and all files come from one commit.

mod cache;
mod client;
mod download;
mod fetch;
mod listing;

pub use fetch::{cached, cached_or_fetch, fetch};
pub use listing::HubId;
