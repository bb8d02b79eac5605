//! Edits, updates, summaries and verdicts: what a post says about its own fate.

use std::sync::LazyLock;

use memchr::memmem;
use regex::Regex;

use super::special::pattern;
use crate::dilemmas::words::{WordSet, word_hashes};

/// Words before an edit from which on it counts as an afterthought: everything that follows goes.
/// An edit nearer to the beginning is a preface, and goes alone.
const PREFACE: usize = 30;

/// Words of which one is in every edit, update, summary and verdict that is looked for. Nearly all
/// texts have none, which is soon seen.
const TRACES: &str = "edit edits edited editing eta update updates updated tl tldr nta yta ntah \
    ytah ywbta ywnbta esh nah voted verdict judgement judgment";

static TRACE_HASHES: LazyLock<WordSet> = LazyLock::new(|| {
    // Numbers may follow at once: "Edit2".
    let numbered = |digit: &str| ["edit", "eta", "update"].map(|word| format!("{word}{digit}"));
    let numbered: Vec<String> = (1..10).flat_map(|n| numbered(&n.to_string())).collect();
    let numbered = numbered.iter().map(String::as_str);
    WordSet::new(TRACES.split_whitespace().chain(numbered))
});

/// Whether a text whose words have these hashes may have something to cut.
pub(super) fn has_trace(words: &[u64]) -> bool {
    let traces = &*TRACE_HASHES;
    words.iter().any(|word| traces.holds(*word))
}

/// What may stand before the first word of an edit or a summary: marks of emphasis, lists,
/// headings, quotations.
const MARKS: &str = r#"^[\s*_\#>~"“(\[{•·–—+=|-]*"#;

/// What edits and updates are called.
const KINDS: &str = "(?:small|quick|another|final|last|second|first|third|one|more|big|mini|minor|\
    important|little|slight|late|also|new|short|tiny|1st|2nd|3rd|latest|brief|major)";

/// The number of an edit, such as `#2`, `(3)` or `two`, between marks of emphasis.
const NUMBER: &str = r"[\s*_]*(?:[(\[]?\#?(?:\d+|one|two|three|i{1,3})[)\]]?)?[\s*_]*";

/// An edit at the beginning of a line.
static LINE_EDIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?x){MARKS} (?:
            (?i: (?:{KINDS}\s+){{0,2}} (?:edit(?:s|ed)?|eta|update[sd]?) {NUMBER} )
                (?: [:;,.!=/&+()\[\]–—-] | $ )
            | (?: (?i:edits?) | ETA | UPDATE[SD]? | EDITED ) (?:\s|$)
            | (?i: edit(?:ed|ing) \s+ (?:to|for|because|bc|as|after|again|this|since|in)\b )
        )"
    ))
});

/// An edit at the beginning of a sentence, where only a colon or capitals tell it from the story.
static SENTENCE_EDIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?x){MARKS} (?:
            (?i: (?:{KINDS}\s+){{0,2}} (?:edit(?:s|ed)?|eta|update[sd]?) {NUMBER} : )
            | (?: EDIT | UPDATE ) {NUMBER} (?: [,.;!–—-] | $ )
        )"
    ))
});

/// An aside in brackets that is an edit.
static ASIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?xi) \( (?:edit|eta|update) \s* \d* : [^()\n]* \)
        | \[ (?:edit|eta|update) \s* \d* : [^\[\]\n]* \]",
    )
});

/// The word for a summary.
const TLDR: &str = r"tl\s*[;:,./|]?\s*dr";

/// A summary.
static SUMMARY: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i){MARKS}(?:(?:the|a|my|short|quick)\s+)?{TLDR}\b")));

/// Where a summary is to be found, rather than the summary.
static SUMMARY_ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    let place = r"(?:at|on|in)\s+(?:the\s+)?(?:bottom|end|comments?)";
    pattern(&format!(r"(?i){TLDR}\b[^.!?]{{0,20}}\b{place}\b"))
});

/// A summary's heading alone.
static SUMMARY_HEADING: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i){TLDR}\W*$")));

/// Words that give away how the post was judged. The question itself, "AITA?", does not.
static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        \b (?i: nta | yta | ntah | ytah | ywbta | ywnbta ) \b | \b (?: ESH | NAH ) \b
        | \b (?i: accept(?:ing|ed)? \s+ (?:my|the|your|this) \s+ (?:judge?ment|verdict) ) \b
        | \b (?i: (?:was|been|got|were) \s+ voted ) \b
        | \b (?i: (?:verdict|judge?ment) \s+ (?:is|was) \s+ in ) \b",
    )
});

/// What becomes of a sentence.
enum Fate {
    Keep,
    DropSentence,
    DropParagraph,
    DropParagraphAndNext,
    DropRest,
}

/// Cuts edits, updates and summaries, and the sentences that say how the post was judged; `None`
/// if there are none. The text must be normalised; what is cut leaves gaps in the white space.
pub(super) fn cut(text: &str) -> Option<String> {
    let without_asides = ASIDE.replace_all(text, "");
    let mut walk = Walk { kept: String::with_capacity(text.len()) };
    walk.text(&without_asides);
    (walk.kept.len() < text.len()).then_some(walk.kept)
}

/// A walk over the sentences of a text.
struct Walk {
    /// What stays.
    kept: String,
}

impl Walk {
    fn text(&mut self, text: &str) {
        let mut skip = false;
        for (index, paragraph) in split(text, "\n\n").enumerate() {
            if index > 0 {
                self.kept.push_str("\n\n");
            }
            if std::mem::take(&mut skip) {
                continue;
            }
            match self.paragraph(paragraph) {
                Fate::DropRest => break,
                Fate::DropParagraphAndNext => skip = true,
                _ => {}
            }
        }
    }

    /// Adds what may stay of a paragraph, and says what becomes of those after it.
    fn paragraph(&mut self, paragraph: &str) -> Fate {
        if self.keep_without_trace(paragraph) {
            return Fate::Keep;
        }
        for (index, line) in split(paragraph, "\n").enumerate() {
            if index > 0 {
                self.kept.push('\n');
            }
            for sentence in sentences(line) {
                if self.keep_without_trace(sentence) {
                    continue;
                }
                match self.fate(sentence) {
                    Fate::Keep => self.kept.push_str(sentence),
                    Fate::DropSentence => {}
                    // The heading's own paragraph has the summary.
                    Fate::DropParagraphAndNext if !paragraph.ends_with(sentence) => {
                        return Fate::DropParagraph;
                    }
                    after => return after,
                }
            }
        }
        Fate::Keep
    }

    /// Keeps a part if it has nothing to cut; says whether it did.
    fn keep_without_trace(&mut self, part: &str) -> bool {
        let keep = !has_trace(&word_hashes(part));
        if keep {
            self.kept.push_str(part);
        }
        keep
    }

    fn fate(&self, sentence: &str) -> Fate {
        let at_line_start = self.kept.is_empty() || self.kept.ends_with('\n');
        let edit = if at_line_start { &LINE_EDIT } else { &SENTENCE_EDIT };
        if edit.is_match(sentence) {
            let words = self.kept.split_whitespace().take(PREFACE).count();
            return if words < PREFACE { Fate::DropParagraph } else { Fate::DropRest };
        }
        if SUMMARY.is_match(sentence) {
            return if SUMMARY_ELSEWHERE.is_match(sentence) {
                Fate::DropSentence
            } else if SUMMARY_HEADING.is_match(sentence) {
                Fate::DropParagraphAndNext
            } else {
                Fate::DropParagraph
            };
        }
        if VERDICT.is_match(sentence) { Fate::DropSentence } else { Fate::Keep }
    }
}

/// The parts of a text between separators. Faster than the standard library's.
fn split<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    let ends = memmem::find_iter(text.as_bytes(), separator).chain(std::iter::once(text.len()));
    let mut start = 0;
    ends.map(move |end| {
        let part = &text[start..end];
        start = end + separator.len();
        part
    })
}

/// The sentences of a line with the spaces that follow them; together they are the line.
fn sentences(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (sentence, others) = rest.split_at(sentence_end(rest));
        rest = others;
        Some(sentence)
    })
}

/// Where the first sentence and the spaces after it end.
fn sentence_end(text: &str) -> usize {
    let mut ended = false;
    for (index, c) in text.char_indices() {
        match c {
            '.' | '!' | '?' | '…' => ended = true,
            '"' | '\'' | ')' | ']' | '*' | '_' | '”' | '’' | ';' => {}
            ' ' if ended => return index + 1,
            _ => ended = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::clean::characters::plain;
    use proptest::prelude::*;

    /// Thirty words of a story, so that what follows is an afterthought.
    const STORY: &str = "My brother asked me to lend him my car for the weekend. I said that I \
        needed it on Sunday, and he took it anyway. Now our mother is angry with me, not him.";

    fn cut_plain(text: &str) -> String {
        let text = plain(text);
        let cut = cut(&text);
        // Where no word gives it away, there is nothing to cut.
        assert!(cut.is_none() || has_trace(&word_hashes(&text)), "{text}");
        cut.map_or(text, |text| plain(&text))
    }

    #[test]
    fn edits_and_all_that_follows_are_cut() {
        for edit in [
            "Edit: thanks all.\n\nMore about it.",
            "**EDIT:** wow",
            "*Edit 1* - typo\n\nEdit 2: another",
            "EDIT wow this blew up",
            "edit to add that he is 25",
            "Edited for clarity.",
            "ETA: he is 25",
            "> Update #2: he paid",
            "Small edit: he is 25",
            "Final update - we talked",
            "(Edit) he is 25",
            "UPDATE he paid",
            "Edit/Update: he paid",
            "Edit (2): he paid",
        ] {
            assert_eq!(cut_plain(&format!("{STORY}\n\n{edit}")), STORY, "{edit}");
            assert_eq!(cut_plain(&format!("{STORY}\n{edit}\n\nAnd more.")), STORY, "{edit}");
        }
        for edit in ["Edit: thanks!", "EDIT - typo", "**ETA:** he is 25", "Update 2: fine"] {
            assert_eq!(cut_plain(&format!("{STORY} {edit} And so on.\n\nMore.")), STORY, "{edit}");
        }
        for aside in ["(edit: a van)", "[ETA: a van]", "(Update 2: a van)"] {
            assert_eq!(cut_plain(&STORY.replace("car for", &format!("car {aside} for"))), STORY);
        }
    }

    #[test]
    fn stories_about_edits_stay() {
        for sentence in [
            "Editing is my job.",
            "Update my records, she said.",
            "Updated software broke it.",
            "I had to edit: the text, the pictures.",
            "He gave no update. Eta is a Greek letter.",
            "The new edition is out. Later I updated her.",
            "She asked for an edit. Then we left.",
        ] {
            let text = format!("{STORY}\n\n{sentence}");
            assert_eq!(cut_plain(&text), text, "{sentence}");
        }
    }

    #[test]
    fn an_edit_as_a_preface_goes_alone() {
        assert_eq!(cut_plain(&format!("Edit: fixed it.\nTwice.\n\n{STORY}")), STORY);
        assert_eq!(cut_plain(&format!("Throwaway. Edit: fixed it.\n\n{STORY}")), {
            format!("Throwaway.\n\n{STORY}")
        });
    }

    #[test]
    fn summaries_are_cut() {
        for summary in [
            "TL;DR: I kept the car. AITA?",
            "**TLDR** I kept it",
            "tl,dr I kept it\nand more",
            "TL/DR - x",
            "The tl; dr: x",
            "TL;DR:\n\nI kept the car.",
            "TL;DR:\nI kept the car.",
        ] {
            assert_eq!(cut_plain(&format!("{STORY}\n\n{summary}")), STORY, "{summary}");
            let first = cut_plain(&format!("{summary}\n\n{STORY}"));
            assert_eq!(first, STORY, "{summary}");
        }
        assert_eq!(cut_plain(&format!("{STORY} TL;DR: I kept it. AITA?")), STORY);
        assert_eq!(cut_plain(&format!("TLDR at the bottom. {STORY}")), STORY);
    }

    #[test]
    fn verdict_hints_are_cut() {
        for hint in [
            "My friends say NTA.",
            "Everyone says I'm nta!",
            "I got \"ESH\" from my sister.",
            "Okay, I accept my judgement.",
            "I was voted the worst.",
            "The verdict is in: sorry.",
        ] {
            assert_eq!(cut_plain(&format!("{STORY} {hint}")), STORY, "{hint}");
            let between = cut_plain(&format!("One. {hint} Two.\n\n{STORY}"));
            assert_eq!(between, format!("One. Two.\n\n{STORY}"), "{hint}");
        }
        for kept in ["So, AITA?", "WIBTA if I took it back?", "Nah, he said.", "Santa came."] {
            let text = format!("{STORY} {kept}");
            assert_eq!(cut_plain(&text), text, "{kept}");
        }
    }

    #[test]
    fn sentences_are_the_line() {
        let line = "Mr. A said \"no!\" Then... what? (Yes.) e.g.this *ok.* x";
        let found: Vec<&str> = sentences(line).collect();
        assert_eq!(found.concat(), line);
        assert_eq!(
            found,
            ["Mr. ", "A said \"no!\" ", "Then... ", "what? ", "(Yes.) ", "e.g.this *ok.* ", "x"]
        );
    }

    proptest! {
        #[test]
        fn cutting_twice_is_cutting_once(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "Edit", "EDIT", "edit:", "Edit 2", "ETA", "UPDATE", "Update", "update:", ":",
                    "TL;DR", "TLDR:", "at the bottom", "NTA", "yta", "**", "(", ")", "small", "-",
                    ".", ". ", "! ", " ", "\n", "\n\n", "he said no", STORY, "I was voted", "(edit:",
                ]),
                0..24,
            ),
        ) {
            let once = cut_plain(&parts.join(" "));
            prop_assert_eq!(cut_plain(&once), once);
        }
    }
}
