//! Models behind servers: how answers are read, servers that do not do what they are asked, answers
//! that are kept, and commands from end to end.

mod bench;
mod commands;
mod kept;
mod language;
mod probes;
mod readouts;
#[path = "../remote_stub/mod.rs"]
mod remote_stub;
#[path = "../said/mod.rs"]
mod said;
mod server;
