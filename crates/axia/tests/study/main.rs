//! `axia run`, `steer`, `profile`, `score` and `train` as users run them, on a tiny model.

mod bench;
mod card;
mod command_line;
#[path = "../../../axia-engine/tests/cuda/host_build.rs"]
mod host_build;
mod judge;
mod merge;
mod model;
mod models;
mod play;
mod profile;
mod rows;
mod run;
#[path = "../said/mod.rs"]
mod said;
#[path = "../../../axia-engine/tests/cuda/stand_in/mod.rs"]
mod stand_in;
mod stand_ins;
mod steer;
