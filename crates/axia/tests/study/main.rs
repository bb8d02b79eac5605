//! `axia run`, `steer`, `profile`, `score` and `train` as users run them, on a tiny model.

mod bench;
mod command_line;
mod export;
mod interruption;
mod judge;
mod merge;
mod model;
mod models;
mod perplexity;
mod play;
mod profile;
mod prompts;
mod rows;
mod run;
#[path = "../said/mod.rs"]
mod said;
mod serve;
mod stand_ins;
mod steer;
