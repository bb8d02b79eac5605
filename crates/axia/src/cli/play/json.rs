//! Games as JSON lines.

use axia_adventure::record::EpisodeRecord;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// One line for each step of a game, then one for the game.
pub fn lines(mut record: EpisodeRecord) -> serde_json::Result<String> {
    let mut text = String::new();
    for step in std::mem::take(&mut record.steps) {
        let head = json!({"kind": "step", "game": record.game, "seed": record.seed});
        text += &joined(&head, &step)?;
        text.push('\n');
    }
    text += &joined(&json!({"kind": "episode"}), &record)?;
    text.push('\n');
    Ok(text)
}

/// One object with the fields of both. The second is kept as it is written: as a value in between,
/// its large numbers would lose digits.
fn joined(head: &Json, body: &impl Serialize) -> serde_json::Result<String> {
    let (head, body) = (head.to_string(), serde_json::to_string(body)?);
    let fields = |object: &str| {
        let inner = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        inner.unwrap_or_default().to_owned()
    };
    Ok(format!("{{{},{}}}", fields(&head), fields(&body)))
}
