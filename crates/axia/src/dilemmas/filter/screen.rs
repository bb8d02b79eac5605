//! One line of a dump against every filter.

use super::{FilterSettings, Reason};
use crate::dilemmas::clean::{
    Cleaned, Special, clean_text, clean_title, special_flair, special_title,
};
use crate::dilemmas::dedupe::Fingerprint;
use crate::dilemmas::dump::{Problem, Submission};
use crate::dilemmas::words::WordSet;
use crate::dilemmas::{BuildError, Candidate};
use regex::bytes::{Regex, RegexBuilder};
use std::sync::LazyLock;
use whatlang::Lang;

/// What stands in the place of a text that is gone, in lower case.
const GONE: &[&str] = &["[deleted]", "[removed]", "[deleted by user]"];
/// How other such notices begin: `[ Removed by Reddit ]`.
const GONE_BY_SITE: &str = "[ removed by";

/// Bytes per permitted word beyond which a text is too long, however it may be cleaned.
const LONGEST_WORD: usize = 200;

/// A post that passed, and what tells it from others.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) candidate: Candidate,
    pub(super) fingerprint: Fingerprint,
}

/// The filters.
pub(super) struct Screen<'a> {
    settings: &'a FilterSettings,
    /// The subreddit's name in any case.
    name: Regex,
}

impl<'a> Screen<'a> {
    /// # Errors
    /// [`BuildError::Setting`] if the subreddit can have no such name.
    pub(super) fn new(settings: &'a FilterSettings) -> Result<Self, BuildError> {
        let mut name = RegexBuilder::new(&regex::escape(&settings.subreddit));
        let name = name.case_insensitive(true).unicode(false).build();
        Ok(Self { settings, name: name.map_err(|e| BuildError::Setting(e.to_string()))? })
    }

    /// Reads a line; gives the cleaned post, or the reason to drop it. Cheap reasons come first.
    ///
    /// # Errors
    /// What is wrong with a line that is no submission.
    pub(super) fn line(&self, line: &[u8]) -> Result<Result<Passed, Reason>, Problem> {
        // Nobody writes letters of a name as escapes, so where it does not occur the line is
        // another's; most lines of a dump of the whole site are.
        let is_whole = line.starts_with(b"{") && line.ends_with(b"}");
        if is_whole && !self.name.is_match(line) {
            return Ok(Err(Reason::OtherSubreddit));
        }
        let post = Submission::parse(line)?;
        if !post.subreddit()?.eq_ignore_ascii_case(&self.settings.subreddit) {
            return Ok(Err(Reason::OtherSubreddit));
        }
        self.post(&post)
    }

    fn post(&self, post: &Submission<'_>) -> Result<Result<Passed, Reason>, Problem> {
        let (id, score, created_utc) = (post.id()?, post.score()?, post.created_utc()?);
        let (title, text, flair) = (post.title()?, post.selftext()?, post.flair()?);
        let (subreddit, permalink) = (post.subreddit()?, post.permalink()?);
        if let Some(reason) = reason_of_kind(post, text.trim()) {
            return Ok(Err(reason));
        }
        if text.len() > LONGEST_WORD * self.settings.max_words.saturating_add(1) {
            return Ok(Err(Reason::TooLong));
        }
        let title = clean_title(&title);
        if let Some(special) = special_flair(&flair).or_else(|| special_title(&title)) {
            return Ok(Err(match special {
                Special::Meta => Reason::Meta,
                Special::Update => Reason::Update,
            }));
        }
        let Cleaned { text, words } = clean_text(&text);
        if let Some(reason) = reason_of_text(&text, &words, self.settings) {
            return Ok(Err(reason));
        }
        let permalink = match permalink.is_empty() {
            true => format!("/r/{subreddit}/comments/{id}/"),
            false => permalink.into_owned(),
        };
        let (id, subreddit) = (id.into_owned(), subreddit.into_owned());
        let candidate = Candidate { id, subreddit, permalink, score, created_utc, title, text };
        Ok(Ok(Passed { candidate, fingerprint: Fingerprint::new(&words) }))
    }
}

/// Reasons that lie in what kind of submission it is.
fn reason_of_kind(post: &Submission<'_>, text: &str) -> Option<Reason> {
    if post.is_crosspost() {
        return Some(Reason::Crosspost);
    }
    if post.is_link() {
        return Some(Reason::Link);
    }
    let gone = |notice: &&str| text.eq_ignore_ascii_case(notice);
    let by_site = text.get(..GONE_BY_SITE.len());
    if post.is_taken_down()
        || GONE.iter().any(gone)
        || by_site.is_some_and(|start| start.eq_ignore_ascii_case(GONE_BY_SITE))
    {
        return Some(Reason::Removed);
    }
    if text.is_empty() {
        return Some(Reason::Empty);
    }
    post.is_official().then_some(Reason::Meta)
}

/// Reasons that lie in the cleaned text.
fn reason_of_text(text: &str, words: &[u64], settings: &FilterSettings) -> Option<Reason> {
    match words.len() {
        0 => Some(Reason::Empty),
        count if count < settings.min_words => Some(Reason::TooShort),
        count if count > settings.max_words => Some(Reason::TooLong),
        _ if settings.english_only && !is_english(text, words) => Some(Reason::Language),
        _ => None,
    }
}

/// Share of words that no other language has so many of. First-person English has about 0.35.
const ENGLISH_SHARE: f64 = 0.15;

/// Words that are common in English and hardly occur in texts of other languages.
const ENGLISH: &str = "the and my that with have had this not they would because about when she his \
    him of it but for you what were been from there their them said told just know want which who \
    if our your like dont didnt im its to i";

static COMMON: LazyLock<WordSet> = LazyLock::new(|| WordSet::new(ENGLISH.split_whitespace()));

/// Whether a text whose words have these hashes is English. Telling languages apart by their
/// letters takes longer than all other filters together, so plain cases are decided by their
/// commonest words.
pub(super) fn is_english(text: &str, words: &[u64]) -> bool {
    let common = &*COMMON;
    let english: usize = words.iter().map(|word| usize::from(common.holds(*word))).sum();
    english as f64 >= ENGLISH_SHARE * words.len() as f64
        || whatlang::detect(text).is_some_and(|found| found.lang() == Lang::Eng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dilemmas::words::word_hashes;
    use serde_json::{Value, json};

    const TEXT: &str = "My brother asked me to lend him my car for the weekend. I said no.";

    /// A good submission with some fields replaced; `null` takes one away.
    fn screened(fields: Value) -> Result<Result<Candidate, Reason>, String> {
        let mut post = json!({
            "id": "8vn08x", "subreddit": "AmItheAsshole", "author": "somebody",
            "permalink": "/r/AmItheAsshole/comments/8vn08x/aita_for_it/", "score": 5,
            "created_utc": 1_530_000_000, "title": "AITA for it?", "selftext": TEXT,
            "is_self": true, "over_18": false, "stickied": false,
        });
        for (name, value) in fields.as_object().unwrap() {
            post[name] = value.clone();
        }
        let settings = FilterSettings { min_words: 10, max_words: 20, ..FilterSettings::default() };
        let screened = Screen::new(&settings).unwrap().line(post.to_string().as_bytes());
        let candidate = |screened: Result<Passed, Reason>| screened.map(|passed| passed.candidate);
        screened.map(candidate).map_err(|problem| problem.to_string())
    }

    fn reason(fields: Value) -> Reason {
        screened(fields).unwrap().unwrap_err()
    }

    #[test]
    fn a_good_post_is_kept_without_its_author() {
        let post = screened(json!({})).unwrap().unwrap();
        assert_eq!(post.text, TEXT);
        assert_eq!(post.permalink, "/r/AmItheAsshole/comments/8vn08x/aita_for_it/");
        assert_eq!((post.score, post.created_utc), (5, 1_530_000_000));
        assert!(!serde_json::to_string(&post).unwrap().contains("somebody"));
        let old = screened(json!({"permalink": null, "subreddit": "amitheasshole"}));
        assert_eq!(old.unwrap().unwrap().permalink, "/r/amitheasshole/comments/8vn08x/");
    }

    #[test]
    fn every_filter_has_its_reason() {
        let long = "word and ".repeat(11);
        for (fields, expected) in [
            (json!({"subreddit": "AskReddit"}), Reason::OtherSubreddit),
            (json!({"subreddit": null, "promoted": true, "id": 3}), Reason::OtherSubreddit),
            (json!({"crosspost_parent": "t3_abc"}), Reason::Crosspost),
            (json!({"is_self": false}), Reason::Link),
            (json!({"selftext": "[removed]"}), Reason::Removed),
            (json!({"selftext": " [Deleted] "}), Reason::Removed),
            (json!({"selftext": "[deleted by user]"}), Reason::Removed),
            (json!({"selftext": "[ Removed by Reddit ]"}), Reason::Removed),
            (json!({"removed_by_category": "moderator"}), Reason::Removed),
            (json!({"selftext": null}), Reason::Empty),
            (json!({"selftext": " "}), Reason::Empty),
            (json!({"selftext": "&amp;#x200B;"}), Reason::Empty),
            (json!({"selftext": "https://example.com/x"}), Reason::Empty),
            (json!({"stickied": true}), Reason::Meta),
            (json!({"distinguished": "moderator"}), Reason::Meta),
            (json!({"title": "META: the rules"}), Reason::Meta),
            (json!({"link_flair_text": "Open Forum"}), Reason::Meta),
            (json!({"title": "[UPDATE] AITA"}), Reason::Update),
            (json!({"link_flair_text": "UPDATE"}), Reason::Update),
            (json!({"selftext": "Too few words, said the man to me."}), Reason::TooShort),
            (json!({"selftext": format!("One two. Edit: {TEXT}")}), Reason::TooShort),
            (json!({"selftext": long}), Reason::TooLong),
            (json!({"selftext": "x".repeat(5000)}), Reason::TooLong),
            (
                json!({"selftext": "Mein Bruder wollte mein Auto haben, aber ich habe nein gesagt."}),
                Reason::Language,
            ),
        ] {
            assert_eq!(reason(fields.clone()), expected, "{fields}");
        }
    }

    #[test]
    fn the_bounds_themselves_are_inside() {
        for (words, kept) in [(9, false), (10, true), (20, true), (21, false)] {
            let text = "and ".repeat(words);
            assert_eq!(screened(json!({"selftext": text})).unwrap().is_ok(), kept, "{words}");
        }
    }

    #[test]
    fn malformed_fields_matter_in_posts_of_the_subreddit_alone() {
        assert!(screened(json!({"score": "many"})).unwrap_err().contains("`score`"));
        assert!(screened(json!({"created_utc": null})).unwrap_err().contains("found nothing"));
        assert!(screened(json!({"title": null})).unwrap_err().contains("`title`"));
        assert_eq!(reason(json!({"subreddit": "pics", "title": null})), Reason::OtherSubreddit);
    }

    #[test]
    fn languages() {
        let is_english = |text| is_english(text, &word_hashes(text));
        assert!(is_english("My brother took the car and I told him that it's not his."));
        // Few common words, but English letters.
        assert!(is_english("Brother borrowed car without asking, crashed, refuses repair costs."));
        for other in [
            "Mein Bruder hat mein Auto genommen, und ich habe ihm gesagt, dass es nicht seins ist.",
            "Mi hermano tomó el coche y le dije que no era suyo, pero no me hizo caso.",
            "Mon frère a pris la voiture et je lui ai dit que ce n'était pas la sienne.",
            "Mój brat wziął samochód, a ja mu powiedziałem, że to nie jego.",
            "兄が私の車を勝手に使ったので、怒りました。",
        ] {
            assert!(!is_english(other), "{other}");
        }
    }
}
