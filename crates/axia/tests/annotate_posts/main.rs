//! Annotating posts: votes, retries, records, resumption, and servers and posts that mean harm.

mod bench;
mod embedded;
mod hostile;
#[path = "../study/model.rs"]
#[allow(dead_code, reason = "the model's other users need more of it")]
mod model;
#[path = "../remote_stub/mod.rs"]
mod remote_stub;
mod resume;
mod server;
mod votes;
