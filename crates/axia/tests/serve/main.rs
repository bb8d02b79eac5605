//! `axia serve` over real connections on the loopback interface, with a tiny model.

#[path = "../study/model.rs"]
mod model;

mod adapter;
mod bench;
mod completions;
mod hostile;
mod life;
mod limits;
mod streams;
