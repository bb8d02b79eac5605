//! Parses the options of a `*choice`.

use super::compile::Compiler;
use super::operation::{Choice, Condition, Entry, OptionEntry};
use super::template::Template;
use crate::error::{Fault, FaultKind};

/// Groups of options may be nested so deep.
const DEEPEST: usize = 50;

/// A caption that the benchmark leaves out.
const RESTART: &str = "Return to the start of this chapter.";

/// The options below the `*choice` in line `at`.
pub(super) fn choice(compiler: &mut Compiler, at: usize) -> Result<Choice, Fault> {
    let end = compiler.flow.group_end[at];
    if end == at + 1 {
        return Err(Fault::new(
            FaultKind::Assertion,
            "a choice has no options: indent them below it",
        ));
    }
    // An option without a body goes on where the block's last line would.
    let behind = compiler.flow.next.get(end - 1).copied().unwrap_or(Err(FaultKind::Index));
    let entries = entries(compiler, at + 1, end, false, behind, DEEPEST)?;
    Ok(Choice { entries })
}

fn entries(
    compiler: &mut Compiler,
    from: usize,
    to: usize,
    hide: bool,
    behind: Result<u32, FaultKind>,
    room: usize,
) -> Result<Vec<Entry>, Fault> {
    let room = room
        .checked_sub(1)
        .ok_or_else(|| Fault::new(FaultKind::Limit, "groups of options are nested too deeply"))?;
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        let end = compiler.flow.group_end[at].min(to);
        let text = &*compiler.lines[at].text;
        let reuse = text.contains("*hide_reuse") || text.contains("*disable_reuse");
        let bare = text.replace("*hide_reuse", "").replace("*disable_reuse", "");
        let line = if reuse { bare.trim() } else { text };
        if line.contains('#') {
            let target = if end > at + 1 { Ok(at as u32 + 1) } else { behind };
            if let Some(option) = option(compiler, at, hide || reuse, target)? {
                found.push(Entry::Option(option));
            }
        } else if line.starts_with("*if") || line.starts_with("*else") {
            let condition = compiler.clause(line)?;
            found
                .push(Entry::Group(condition, entries(compiler, at + 1, end, hide, behind, room)?));
        }
        at = end;
    }
    Ok(found)
}

fn option(
    compiler: &mut Compiler,
    at: usize,
    hide: bool,
    target: Result<u32, FaultKind>,
) -> Result<Option<OptionEntry>, Fault> {
    let mut line = compiler.lines[at].text.to_string();
    let mut hides = hide;
    for command in ["*hide_reuse", "*disable_reuse"] {
        if line.contains(command) {
            line = line.replace(&format!("{command} "), "");
            hides = true;
            break;
        }
    }
    let stays = line.contains("*allow_reuse");
    if stays {
        line = line.replace("*allow_reuse ", "");
    }
    if line.contains("*selectable_if") {
        line = line.replace("selectable_", "");
    }
    let Some((condition, caption)) = line.split_once('#') else { return Ok(None) };
    let branch = condition.starts_with("*if") || condition.starts_with("*else");
    let condition = if branch { compiler.clause(condition)? } else { Condition::Always };
    let slot = compiler.slots.len() as u32;
    compiler.slots.push(format!("{}_{at}", compiler.scene));
    Ok(Some(OptionEntry {
        line: at as u32,
        slot,
        hidden_once_used: hides && !stays,
        stays,
        condition: if caption == RESTART { Condition::Never } else { condition },
        caption: caption.into(),
        text: Template::compile(caption, &mut compiler.expressions),
        target,
    }))
}
