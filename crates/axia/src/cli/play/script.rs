//! Actions to replay, from a file.

use crate::cli::failure::{Failure, Outcome};
use anyhow::anyhow;
use serde_json::{Map, Value as Json};
use std::fs;
use std::path::Path;

/// A game to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What to call it.
    pub id: String,
    /// The game that it belongs to, if the file says so.
    pub game: Option<String>,
    /// Its seed, if the file says so.
    pub seed: Option<u64>,
    /// Its actions.
    pub actions: Vec<usize>,
    /// Its place in the file, for messages.
    pub place: String,
}

/// Reads a file of actions.
pub fn read(path: &Path) -> Outcome<Vec<Script>> {
    let failed = |error: anyhow::Error| {
        Failure::input(error).while_trying(format!("read the actions in `{}`", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| failed(error.into()))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let scripts = parse(&text, &stem.unwrap_or_default()).map_err(|e| failed(anyhow!(e)))?;
    match scripts.is_empty() {
        true => Err(failed(anyhow!("it holds no actions"))),
        false => Ok(scripts),
    }
}

const EXPECTED: &str = "expected a list of numbers, or objects with `seed` and `actions`";

/// The scripts of a text: one list of numbers, a list of objects, or one object a line.
fn parse(text: &str, stem: &str) -> Result<Vec<Script>, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        let list: Vec<Json> = serde_json::from_str(text)
            .map_err(|error| format!("line {}: {error}; {EXPECTED}", error.line()))?;
        if !list.is_empty() && list.iter().all(Json::is_object) {
            return objects(
                list.into_iter()
                    .enumerate()
                    .map(|(at, one)| Ok((format!("entry {}", at + 1), one))),
            );
        }
        let (id, place) = (format!("script-{stem}"), "the list".to_owned());
        let actions = actions(&Json::Array(list), &place)?;
        return Ok(vec![Script { id, game: None, seed: None, actions, place }]);
    }
    if let Ok(one @ Json::Object(_)) = serde_json::from_str(text) {
        return objects(std::iter::once(Ok(("line 1".to_owned(), one))));
    }
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    objects(lines.map(|(line, number)| {
        let place = format!("line {number}");
        match serde_json::from_str(line) {
            Ok(one) => Ok((place, one)),
            Err(error) => Err(format!("{place}: {error}; {EXPECTED}, one a line")),
        }
    }))
}

fn objects(
    entries: impl Iterator<Item = Result<(String, Json), String>>,
) -> Result<Vec<Script>, String> {
    let mut scripts = Vec::new();
    for entry in entries {
        let (place, value) = entry?;
        let Json::Object(fields) = value else {
            return Err(format!("{place}: {EXPECTED}; found {}", shown(&value)));
        };
        // The steps of a recorded game repeat its actions.
        if fields.get("kind").is_some_and(|kind| kind == "step") {
            continue;
        }
        let number = scripts.len() + 1;
        scripts.push(script(&fields, place, number)?);
    }
    Ok(scripts)
}

fn script(fields: &Map<String, Json>, place: String, number: usize) -> Result<Script, String> {
    let word = |key: &str| match fields.get(key) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(word)) => Ok(Some(word.clone())),
        Some(other) => Err(format!("{place}: `{key}` is {}, not a text", shown(other))),
    };
    let seed = match fields.get("seed") {
        None => return Err(format!("{place}: `seed` is missing")),
        Some(seed) => seed.as_u64().ok_or_else(|| {
            format!("{place}: `seed` is {}, not a whole number from 0 on", shown(seed))
        })?,
    };
    let list = fields.get("actions").ok_or_else(|| format!("{place}: `actions` is missing"))?;
    let id = match (word("id")?, word("name")?) {
        (Some(id), _) => id,
        (None, Some(name)) => format!("script-{name}"),
        (None, None) => format!("script-{number}"),
    };
    let actions = actions(list, &place)?;
    Ok(Script { id, game: word("game")?, seed: Some(seed), actions, place })
}

fn actions(list: &Json, place: &str) -> Result<Vec<usize>, String> {
    let Json::Array(list) = list else {
        return Err(format!("{place}: `actions` is {}, not a list of numbers", shown(list)));
    };
    let action = |(at, value): (usize, &Json)| {
        let number = value.as_u64().and_then(|action| usize::try_from(action).ok());
        number.ok_or_else(|| {
            format!("{place}: action {at} is {}, not a whole number from 0 on", shown(value))
        })
    };
    list.iter().enumerate().map(action).collect()
}

/// The beginning of a value, for a message.
fn shown(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_objects_and_records_are_read() {
        let one = parse("[0, 2, 1]", "mine").unwrap();
        assert_eq!((one[0].id.as_str(), &one[0].actions), ("script-mine", &vec![0, 2, 1]));
        assert_eq!(one[0].seed, None);
        assert_eq!(parse("[]", "x").unwrap()[0].actions, Vec::<usize>::new());
        let list = r#"[{"name": "a", "seed": 7, "actions": [1]}, {"seed": 8, "actions": []}]"#;
        let ids = |scripts: Vec<Script>| -> Vec<(String, Option<u64>)> {
            scripts.into_iter().map(|script| (script.id, script.seed)).collect()
        };
        let wanted = [("script-a".to_owned(), Some(7)), ("script-2".to_owned(), Some(8))];
        assert_eq!(ids(parse(list, "x").unwrap()), wanted);
        let lines = "{\"kind\":\"step\",\"seed\":7}\n\n\
                     {\"kind\":\"episode\",\"id\":\"random-0007\",\"game\":\"g\",\"seed\":7,\"actions\":[3]}\n";
        let pretty = "{\n  \"seed\": 7,\n  \"actions\": [1]\n}";
        assert_eq!(parse(pretty, "x").unwrap()[0].actions, [1]);
        let read = parse(lines, "x").unwrap();
        assert_eq!((read.len(), read[0].place.as_str()), (1, "line 3"));
        assert_eq!((read[0].id.as_str(), read[0].game.as_deref()), ("random-0007", Some("g")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("0, 1", "line 1: trailing characters"),
            ("[0, 1", "line 1: EOF"),
            ("[0, -1]", "the list: action 1 is `-1`"),
            ("[0, \"a\"]", "action 1 is `\"a\"`"),
            ("[{\"actions\": [0]}]", "entry 1: `seed` is missing"),
            (
                "{\"seed\": 1, \"actions\": [0]}\n{\"seed\": -2, \"actions\": [0]}",
                "line 2: `seed` is `-2`",
            ),
            ("{\"seed\": 1}", "line 1: `actions` is missing"),
            ("{\"seed\": 1, \"actions\": 5}", "`actions` is `5`, not a list"),
            ("{\"seed\": 1, \"actions\": [0.5]}", "action 0 is `0.5`"),
            ("{\"seed\": 1, \"actions\": [0], \"name\": 3}", "`name` is `3`, not a text"),
            ("{\"seed\": 1, \"actions\": [0]}\n{\"seed\"", "line 2: EOF"),
            ("{\"seed\": 1, \"actions\": [0]}\n7", "line 2: expected a list"),
        ];
        for (text, part) in cases {
            let error = parse(text, "x").unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
