//! Where play goes on after each line. Everything here depends on the lines alone, so it is worked
//! out once, from the last line to the first.

use super::compile::Compiler;
use super::operation::{Choice, Condition, Entry, OptionEntry};
use super::template::Template;
use crate::error::{Fault, FaultKind};
use crate::source::Line;

/// The flow through the lines of a scene.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// The line behind the deeper lines below each line.
    pub(super) group_end: Vec<usize>,
    /// Whether a line begins an option: itself, or a condition above one.
    option: Vec<Found>,
    /// The next line for lines that do not jump.
    pub(super) next: Vec<Result<u32, FaultKind>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    No,
    Yes,
    /// The scene ends before it is clear.
    Beyond,
}

const OPTION_PREFIXES: [&str; 6] =
    ["*hide_reuse", "*disable_reuse", "*allow_reuse", "*if", "*else", "*selectable_if"];

impl Flow {
    pub(super) fn new(lines: &[Line]) -> Self {
        let group_end = group_ends(lines);
        let option = options(lines);
        // The first line from here on that is neither an option nor an alternative of an `*if`.
        let mut free: Vec<Result<usize, FaultKind>> = vec![Err(FaultKind::Index); lines.len() + 1];
        for at in (0..lines.len()).rev() {
            free[at] = match option[at] {
                Found::Beyond => Err(FaultKind::Index),
                Found::No if !lines[at].text.starts_with("*else") => Ok(at),
                _ => free[group_end[at]],
            };
        }
        let next = (0..lines.len()).map(|at| following(lines, &free, at)).collect();
        Self { group_end, option, next }
    }

    /// Whether a line begins an option.
    ///
    /// # Errors
    /// If the scene ends before it is clear.
    pub(super) fn is_option(&self, at: usize) -> Result<bool, FaultKind> {
        match self.option.get(at) {
            Some(Found::No) => Ok(false),
            Some(Found::Yes) => Ok(true),
            Some(Found::Beyond) | None => Err(FaultKind::Index),
        }
    }
}

fn group_ends(lines: &[Line]) -> Vec<usize> {
    let mut ends = vec![lines.len(); lines.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        while let Some(&last) = open.last()
            && lines[last].indent >= line.indent
        {
            ends[last] = at;
            open.pop();
        }
        open.push(at);
    }
    ends
}

fn options(lines: &[Line]) -> Vec<Found> {
    let mut found = vec![Found::Beyond; lines.len() + 1];
    for (at, line) in lines.iter().enumerate().rev() {
        found[at] = if OPTION_PREFIXES.iter().any(|prefix| line.text.starts_with(prefix)) {
            if hash_outside_braces(&line.text) { Found::Yes } else { found[at + 1] }
        } else if line.text.starts_with('#') {
            Found::Yes
        } else {
            Found::No
        };
    }
    found.pop();
    found
}

/// Whether a `#` remains when every `{…#…}` without braces inside is taken away.
fn hash_outside_braces(text: &str) -> bool {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        kept.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let end = inside.find(['{', '}']);
        match end {
            Some(end) if inside[end..].starts_with('}') && reference(&inside[..end]) => {
                rest = &inside[end + 1..];
            }
            _ => {
                kept.push('{');
                rest = inside;
            }
        }
    }
    kept.push_str(rest);
    kept.contains('#')
}

/// Whether a `#` stands between two characters.
fn reference(inside: &str) -> bool {
    let mut chars = inside.chars();
    chars.next();
    chars.next_back();
    chars.as_str().contains('#')
}

fn following(
    lines: &[Line],
    free: &[Result<usize, FaultKind>],
    at: usize,
) -> Result<u32, FaultKind> {
    let below = lines.get(at + 1).ok_or(FaultKind::Index)?;
    let indent = lines[at].indent;
    if below.indent > indent {
        return Ok(at as u32 + 1);
    }
    let next = free[at + 1]?;
    if lines[next].indent <= indent { Ok(next as u32) } else { Err(FaultKind::Assertion) }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        text.lines()
            .map(|line| Line {
                text: line.trim().into(),
                indent: line.len() - line.trim_start().len(),
                row: 0,
            })
            .collect()
    }

    #[test]
    fn bodies_fall_behind_their_block() {
        let lines = lines(
            "*choice\n  #One.\n    One.\n  *if (x) #Two.\n    Two.\n*if (a)\n  A.\n*elseif (b)\n  B.\n*else\n  C.\nEnd.\n*finish\n",
        );
        let flow = Flow::new(&lines);
        assert_eq!(flow.next[2], Ok(5), "behind the choice");
        assert_eq!(flow.next[4], Ok(5));
        assert_eq!(flow.next[6], Ok(11), "behind the alternatives");
        assert_eq!(flow.next[8], Ok(11));
        assert_eq!(flow.next[12], Err(FaultKind::Index));
        assert_eq!(flow.group_end[0], 5);
        assert_eq!(flow.is_option(3), Ok(true));
        assert_eq!(flow.is_option(5), Ok(false));
    }

    #[test]
    fn a_character_reference_is_no_option() {
        assert!(!hash_outside_braces("*if (\"${name#1}\" = \"A\")"));
        assert!(hash_outside_braces("*if (x) #A {name#1}"));
        assert!(hash_outside_braces("{#}"), "a reference has something on both sides");
    }
}
