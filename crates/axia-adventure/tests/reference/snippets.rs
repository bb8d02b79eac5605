//! `snippets.jsonl`

use std::collections::BTreeMap;
use std::sync::Arc;

use axia_adventure::error::PlayError;
use axia_adventure::error::StepError;
use axia_adventure::expression::Value as Found;
use axia_adventure::limits::Limits;
use axia_adventure::nodes::NodeIndex;
use axia_adventure::player::Player;
use axia_adventure::program::Program;
use axia_adventure::source::{Source, read_texts};
use serde_json::{Value, json};

use crate::fixtures::{difference, lines};

fn texts(snippet: &Value) -> BTreeMap<String, String> {
    let texts = snippet["texts"].as_object().expect("texts").iter();
    texts.map(|(name, text)| (name.clone(), text.as_str().expect("a text").to_owned())).collect()
}

/// A source without the two lines that are added to each scene.
fn scraped(source: &Source) -> Value {
    let scenes: BTreeMap<&String, Vec<Value>> = source
        .scenes
        .iter()
        .map(|(name, lines)| {
            let own = &lines[..lines.len() - 2];
            (name, own.iter().map(|line| json!([&*line.text, line.indent])).collect())
        })
        .collect();
    let keywords: BTreeMap<&String, Value> =
        source.keywords.iter().map(|word| (word, Value::Null)).collect();
    json!({
        "scene_list": source.scene_list,
        "scenes": scenes,
        "label_to_linenum": source.labels,
        "kw_vars": keywords,
        "metadata": {"title": source.title, "author": source.author},
    })
}

fn shown(value: &Found) -> Value {
    match value {
        Found::Text(text) => json!(&**text),
        Found::None => Value::Null,
        other => serde_json::from_str(&other.literal().to_lowercase()).expect("a number"),
    }
}

fn state(player: &Player) -> Value {
    let index = player.nodes();
    let nodes: Vec<Vec<&str>> = player
        .trace()
        .iter()
        .map(|list| index.nodes(*list).iter().map(|node| index.name(*node)).collect())
        .collect();
    let variables: BTreeMap<&str, Value> = player
        .variables()
        .into_iter()
        .map(|(name, value)| (name, value.map_or(Value::Null, shown)))
        .collect();
    let (scene, line) = player.place();
    json!({
        "obs": player.output(),
        "nodes": nodes,
        "choices_raw": player.captions().collect::<Vec<_>>(),
        "choices": player.printed_captions().collect::<Vec<_>>(),
        "scene": scene,
        "line": line,
        "done": player.done(),
        "vars": variables,
        "unlocked": player.unlocked().iter().map(|id| &**id).collect::<Vec<_>>(),
        "hide_reuse": player.hides_used(),
        "rand": player.draws(),
    })
}

fn tree(snippet: &Value) -> String {
    let Some(nodes) = snippet["tree"].as_object() else { return "{}".into() };
    let nodes = nodes.iter().map(|(name, node)| {
        let scene = name.trim_end_matches("_collapsed").rsplit_once('_').expect("a scene").0;
        (name.clone(), json!({"scene": scene, "lines": node["lines"], "type": node["type"]}))
    });
    Value::Object(nodes.collect()).to_string()
}

fn play(snippet: &Value, source: Source) -> Result<(), String> {
    let program = Arc::new(Program::compile(source, Limits::default()));
    let nodes = NodeIndex::parse_tree(&tree(snippet), &program).map_err(|e| e.to_string())?;
    let mut player = Player::new(program, Arc::new(nodes));
    player.keep_records();
    let seed = snippet["seed"].as_u64().unwrap_or(0);
    let mut result = player.reset(seed);
    let mut states = Vec::new();
    let mut failed: Option<(PlayError, usize)> = None;
    let mut bad_action = false;
    let actions = snippet["actions"].as_array().cloned().unwrap_or_default();
    let mut actions = actions.iter().map(|action| action.as_u64().unwrap_or(0) as usize);
    loop {
        match result {
            Err(error) => {
                failed = Some((error, states.len()));
                break;
            }
            Ok(()) => states.push(state(&player)),
        }
        let Some(action) = actions.next() else { break };
        result = match player.act(action) {
            Ok(()) => Ok(()),
            Err(StepError::Play(error)) => Err(error),
            Err(_) => {
                bad_action = true;
                break;
            }
        };
    }
    if let Some(wrong) = difference("steps", &json!(states), &snippet["steps"], 0.0) {
        return Err(wrong);
    }
    compare_end(snippet, &player, failed, bad_action, states.len())
}

fn compare_end(
    snippet: &Value,
    player: &Player,
    failed: Option<(PlayError, usize)>,
    bad_action: bool,
    states: usize,
) -> Result<(), String> {
    let wanted = &snippet["error"];
    match (&failed, wanted.is_null()) {
        (None, true) => {}
        (None, false) if bad_action && wanted["after_steps"] == json!(states) => {}
        (Some((error, after)), false) => {
            let (scene, line) = player.place();
            let found = json!({
                "type": error.fault.kind.exception(),
                "after_steps": after,
                "scene": scene,
                "line": line,
                "printed_before": player.output(),
            });
            if let Some(wrong) = difference("error", &found, wanted, 0.0) {
                return Err(format!("{wrong}; {error}"));
            }
        }
        (Some((error, _)), true) => return Err(error.to_string()),
        (None, false) => return Err(format!("no error, wanted {wanted}")),
    }
    let achievements: BTreeMap<&str, Value> = player
        .achievements()
        .iter()
        .map(|a| (&*a.id, json!([a.visible, a.points, a.title, a.before, a.after])))
        .collect();
    if let Some(wrong) =
        difference("achievements", &json!(achievements), &snippet["achievements"], 0.0)
    {
        return Err(wrong);
    }
    let index = player.nodes();
    let history: Vec<&str> = player.history().iter().map(|node| index.name(*node)).collect();
    match snippet.get("node_history") {
        Some(wanted) => {
            difference("node_history", &json!(history), wanted, 0.0).map_or(Ok(()), Err)
        }
        None => Ok(()),
    }
}

#[test]
fn every_snippet_does_the_same() {
    let snippets = lines("reference/snippets.jsonl");
    let mut wrong = Vec::new();
    for snippet in &snippets {
        let id = snippet["id"].as_str().expect("an id");
        let result = match read_texts(&texts(snippet)) {
            Err(error) => match snippet["scraper_error"].as_str() {
                Some(kind) if kind == error.fault.kind.exception() => Ok(()),
                _ => Err(error.to_string()),
            },
            Ok(source) => match difference("source", &scraped(&source), &snippet["source"], 0.0) {
                Some(wrong) => Err(wrong),
                None => play(snippet, source),
            },
        };
        if let Err(message) = result {
            wrong.push(format!("{id}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), snippets.len(), wrong.join("\n"));
    assert_eq!(snippets.len(), lines("reference/snippets.jsonl").len());
}
