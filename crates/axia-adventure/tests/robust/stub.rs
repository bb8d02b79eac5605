//! Players for texts without files around them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axia_adventure::error::PlayError;
use axia_adventure::limits::Limits;
use axia_adventure::nodes::NodeIndex;
use axia_adventure::player::Player;
use axia_adventure::program::Program;
use axia_adventure::source::read_texts;

pub fn player(scenes: &[(&str, &str)], limits: Limits) -> Result<Player, PlayError> {
    let texts: BTreeMap<String, String> =
        scenes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let program = Arc::new(Program::compile(read_texts(&texts)?, limits));
    let nodes = Arc::new(NodeIndex::of_marks(&program));
    Ok(Player::new(program, nodes))
}

pub fn one(text: &str, limits: Limits) -> Result<Player, PlayError> {
    player(&[("startup", text)], limits)
}
