//! The fields of a submission that matter here, as Pushshift and Arctic Shift write them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::one_line;

/// Letters of a field's contents that an error message shows.
const SHOWN: usize = 40;

/// What is wrong with a line, without the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(String);

impl Problem {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    fn syntax(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // The parser sees one line at a time and so calls every line the first.
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        Self(format!("column {}: {what}; expected one JSON object", error.column()))
    }

    fn field(name: &str, found: Option<&RawValue>, expected: &str) -> Self {
        // What stands there is a stranger's text: no control character of it may reach a terminal.
        let found =
            found.map_or("nothing".to_owned(), |raw| format!("`{}`", one_line(raw.get(), SHOWN)));
        Self(format!("field `{name}`: found {found}, expected {expected}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of a dump. Fields stay as they are written until they are asked for, because most
/// lines are dropped for the sake of one or two of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Submission<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    subreddit: Option<&'a RawValue>,
    #[serde(borrow)]
    permalink: Option<&'a RawValue>,
    #[serde(borrow)]
    score: Option<&'a RawValue>,
    #[serde(borrow)]
    created_utc: Option<&'a RawValue>,
    #[serde(borrow)]
    title: Option<&'a RawValue>,
    #[serde(borrow)]
    selftext: Option<&'a RawValue>,
    #[serde(borrow)]
    is_self: Option<&'a RawValue>,
    #[serde(borrow)]
    crosspost_parent: Option<&'a RawValue>,
    #[serde(borrow)]
    removed_by_category: Option<&'a RawValue>,
    #[serde(borrow)]
    stickied: Option<&'a RawValue>,
    #[serde(borrow)]
    distinguished: Option<&'a RawValue>,
    #[serde(borrow)]
    link_flair_text: Option<&'a RawValue>,
}

impl<'a> Submission<'a> {
    /// Reads one line.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Problem> {
        serde_json::from_slice(line).map_err(|error| Problem::syntax(&error))
    }

    /// The submission's id, without the `t3_` of full names: letters and digits.
    pub(crate) fn id(&self) -> Result<Cow<'a, str>, Problem> {
        let expected = "an id such as \"a1b2c3\"";
        let text = text("id", self.id, expected)?;
        let id = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix("t3_").unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(text.strip_prefix("t3_").unwrap_or(&text).to_owned()),
        };
        // Twelve digits of base 36 fit into 64 bits; the site has used seven.
        let valid = (1..=12).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        valid.then_some(id).ok_or_else(|| Problem::field("id", self.id, expected))
    }

    /// The subreddit; advertisements have none.
    pub(crate) fn subreddit(&self) -> Result<Cow<'a, str>, Problem> {
        optional_text("subreddit", self.subreddit)
    }

    /// The path of the submission's page, which old dumps lack.
    pub(crate) fn permalink(&self) -> Result<Cow<'a, str>, Problem> {
        optional_text("permalink", self.permalink)
    }

    /// Votes for less votes against.
    pub(crate) fn score(&self) -> Result<i64, Problem> {
        integer("score", self.score, "a whole number")
    }

    /// Seconds since 1970, UTC.
    pub(crate) fn created_utc(&self) -> Result<i64, Problem> {
        integer("created_utc", self.created_utc, "seconds since 1970")
    }

    /// The title as it is written, entities and all.
    pub(crate) fn title(&self) -> Result<Cow<'a, str>, Problem> {
        text("title", self.title, "a string; is this a dump of submissions?")
    }

    /// The text as it is written; empty where there is none.
    pub(crate) fn selftext(&self) -> Result<Cow<'a, str>, Problem> {
        optional_text("selftext", self.selftext)
    }

    /// Whether it says that it is a link or a picture rather than a text.
    pub(crate) fn is_link(&self) -> bool {
        self.is_self.is_some_and(|raw| raw.get() == "false")
    }

    /// Whether it passes on another submission.
    pub(crate) fn is_crosspost(&self) -> bool {
        is_something(self.crosspost_parent)
    }

    /// Whether it says that its author or someone else took it down.
    pub(crate) fn is_taken_down(&self) -> bool {
        is_something(self.removed_by_category)
    }

    /// Whether moderators speak: the submission is pinned or bears their mark.
    pub(crate) fn is_official(&self) -> bool {
        is_something(self.stickied) || is_something(self.distinguished)
    }

    /// The flair; empty where there is none.
    pub(crate) fn flair(&self) -> Result<Cow<'a, str>, Problem> {
        optional_text("link_flair_text", self.link_flair_text)
    }
}

/// Whether a field is there and says anything but no; `null` counts as absent already.
fn is_something(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| !matches!(raw.get(), "false" | "\"\""))
}

fn text<'a>(
    name: &str,
    raw: Option<&'a RawValue>,
    expected: &str,
) -> Result<Cow<'a, str>, Problem> {
    let error = || Problem::field(name, raw, expected);
    let json = raw.ok_or_else(error)?.get();
    // Most strings have no escapes and need not be copied.
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(text) if memchr::memchr(b'\\', text.as_bytes()).is_none() => Ok(Cow::Borrowed(text)),
        Some(_) => serde_json::from_str(json).map(Cow::Owned).map_err(|_| error()),
        None => Err(error()),
    }
}

fn optional_text<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Cow<'a, str>, Problem> {
    match raw {
        None => Ok(Cow::Borrowed("")),
        Some(_) => text(name, raw, "a string or null"),
    }
}

/// A whole number, written as such, with a fraction that is dropped, or in quotes.
fn integer(name: &str, raw: Option<&RawValue>, expected: &str) -> Result<i64, Problem> {
    /// Up to here every whole number has a floating-point number of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let digits = raw.map(|raw| raw.get().trim_matches('"').trim());
    let number = digits.and_then(|digits| {
        let float = || digits.parse::<f64>().ok().filter(|number| number.abs() <= EXACT);
        digits.parse().ok().or_else(|| float().map(|number| number.trunc() as i64))
    });
    number.ok_or_else(|| Problem::field(name, raw, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(line: &str, read: impl FnOnce(Submission<'_>) -> T) -> T {
        read(Submission::parse(line.as_bytes()).unwrap())
    }

    fn problem(line: &str) -> String {
        Submission::parse(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn both_makers_lines_are_read() {
        let pushshift = r#"{"id":"8vn08x", "subreddit": "AmItheAsshole","created_utc":"1530000000",
            "score":12,"title":"AITA \u00e9?","selftext":"one\ntwo","is_self":true,"over_18":false}"#;
        with(pushshift, |post| {
            assert_eq!(post.id().unwrap(), "8vn08x");
            assert_eq!(post.subreddit().unwrap(), "AmItheAsshole");
            assert_eq!(post.permalink().unwrap(), "");
            assert_eq!(post.created_utc().unwrap(), 1_530_000_000);
            assert_eq!(post.score().unwrap(), 12);
            assert_eq!(post.title().unwrap(), "AITA é?");
            assert_eq!(post.selftext().unwrap(), "one\ntwo");
            assert!(!post.is_link() && !post.is_crosspost() && !post.is_taken_down());
            assert!(!post.is_official());
        });
        let arctic = r#"{"id":"t3_1abcdef","created_utc":1700000000.0,"score":"-3",
            "selftext":null,"removed_by_category":"moderator","distinguished":"moderator",
            "stickied":false,"crosspost_parent":"t3_x","is_self":false,"link_flair_text":null}"#;
        with(arctic, |post| {
            assert_eq!(post.id().unwrap(), "1abcdef");
            assert_eq!(post.created_utc().unwrap(), 1_700_000_000);
            assert_eq!(post.score().unwrap(), -3);
            assert_eq!(post.selftext().unwrap(), "");
            assert_eq!(post.flair().unwrap(), "");
            assert!(post.is_link() && post.is_crosspost() && post.is_taken_down());
            assert!(post.is_official());
        });
    }

    #[test]
    fn problems_name_field_contents_and_what_was_expected() {
        let line = r#"{"id":"a/b","score":1e99,"title":7,"selftext":{},"created_utc":true}"#;
        with(line, |post| {
            let said = [
                post.id().unwrap_err(),
                post.score().unwrap_err(),
                post.title().unwrap_err(),
                post.selftext().unwrap_err(),
                post.created_utc().unwrap_err(),
            ]
            .map(|problem| problem.to_string());
            assert_eq!(said[0], "field `id`: found `\"a/b\"`, expected an id such as \"a1b2c3\"");
            assert_eq!(said[1], "field `score`: found `1e99`, expected a whole number");
            assert!(said[2].starts_with("field `title`: found `7`, expected a string"), "{said:?}");
            assert_eq!(said[3], "field `selftext`: found `{}`, expected a string or null");
            assert_eq!(said[4], "field `created_utc`: found `true`, expected seconds since 1970");
        });
        with("{}", |post| {
            assert!(post.id().unwrap_err().to_string().contains("found nothing"));
        });
    }

    #[test]
    fn broken_lines_say_where_in_the_line() {
        assert!(problem(r#"{"id":"a"#).starts_with("column 8: EOF while parsing"));
        assert!(problem("[1]").contains("expected one JSON object"));
        assert!(problem(r#"{"id":"a"} x"#).starts_with("column 12: trailing characters"));
        assert!(problem("{\"title\":\"\u{1}\"}").contains("control character"));
        assert!(Submission::parse(b"{\"title\":\"\xff\"}").is_err());
    }

    #[test]
    fn strangers_text_is_shown_short_and_harmless() {
        let line = format!("{{\"id\":\"not \u{9b}31m\u{202e}an id{}\"}}", " x".repeat(99));
        with(&line, |post| {
            let said = post.id().unwrap_err().to_string();
            assert!(said.contains("found `\"not 31m an id x x"), "{said}");
            assert!(!said.contains(['\u{9b}', '\u{202e}']) && said.len() < 120, "{said}");
        });
    }
}
