//! Play: harms and points, what choices express, and a reader of games.

mod metrics;
mod paths;
mod plane;
mod reader;
mod revealed;
mod section;
mod tables;
mod verdict;
