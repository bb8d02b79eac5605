//! The stage that reads passages, and the passages.

use super::summary::PerplexitySummary;
use crate::files::sha256;
use crate::respondent::Respondent;
use crate::run::{Follow, Observation, RunDir, StudyError};
use crate::stage::{Compared, Stage};
use axia_engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::LazyLock;

/// Passages read together: enough to keep the engine busy, few enough for a killed run to lose
/// little.
const PASSAGES_AT_ONCE: usize = 6;

/// Passages to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measuring {
    /// The passages.
    pub set: PassageSet,
}

/// How likely one passage was to a respondent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassageReading {
    /// Its id.
    pub passage: String,
    /// Tokens that were predicted: all but the first.
    pub tokens: usize,
    /// Sum of their log-probabilities, in nats.
    pub log_likelihood: f64,
}

impl Stage for Measuring {
    type Answers = Vec<PassageReading>;
    type Summary = PerplexitySummary;
    const FOLDER: &'static str = "perplexity";
    const VERB: &'static str = "read";

    fn manifest(&self) -> Json {
        json!({
            "passages": self.set.name,
            "count": self.set.passages.len(),
            "hash": self.set.content_hash(),
        })
    }

    fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Vec<PassageReading>, StudyError> {
        self.read_into(dir, (&self.cell(name), name), respondent, follow)
    }

    fn summarise(
        &self,
        observations: &[Observation<Vec<PassageReading>>],
        study: &Compared,
    ) -> Result<PerplexitySummary, StudyError> {
        Ok(PerplexitySummary::new(&self.set, observations, study.steerings, study.options))
    }
}

impl Measuring {
    /// Has `respondent` read the passages; `cell` is the file of the run that the readings go to.
    ///
    /// # Errors
    /// As of [`Stage::ask`].
    pub fn read_into(
        &self,
        dir: &RunDir,
        (cell, name): (&str, &str),
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Vec<PassageReading>, StudyError> {
        let mut rows = dir.rows(cell)?;
        if !rows.is_whole() {
            let passages = &self.set.passages;
            follow.begin(&format!("reading neutral text as {name}"), passages.len());
            let left = passages.get(rows.rows().len()..).unwrap_or_default();
            for passages in left.chunks(PASSAGES_AT_ONCE) {
                follow.advance(rows.rows().len(), "");
                if follow.cancelled() {
                    return Err(StudyError::from(EngineError::Cancelled));
                }
                let texts: Vec<&str> = passages.iter().map(|p| p.text.as_str()).collect();
                let read = respondent.read(&texts)?.into_iter().zip(passages);
                let readings = read.map(|((tokens, log_likelihood), passage)| PassageReading {
                    passage: passage.id.clone(),
                    tokens,
                    log_likelihood,
                });
                rows.append(readings.collect())?;
            }
            rows.finish()?;
            follow.end();
        }
        Ok(rows.into_rows())
    }
}

const BUNDLED: &str = include_str!("../../../../../data/neutral-text/passages.toml");
/// Text that is learnt from or chosen by, and so never measured on.
const ANCHORS: &str = include_str!("../../../../../data/neutral-text/anchors.toml");
/// How many of the anchors are for validation, the last ones.
const VALIDATION: usize = 8;
const FORMAT_VERSION: u32 = 1;

static PARSED: LazyLock<PassageSet> = LazyLock::new(|| {
    // A test reads the file; whoever edits it sees what is wrong there.
    parse(BUNDLED).unwrap_or_default()
});

static PARSED_ANCHORS: LazyLock<PassageSet> = LazyLock::new(|| parse(ANCHORS).unwrap_or_default());

/// A named list of passages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassageSet {
    /// Its name.
    pub name: String,
    /// The passages; a short run takes the first few.
    pub passages: Vec<Passage>,
}

/// A short text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// What it is called.
    pub id: String,
    /// The text.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u32,
    name: String,
    passage: Vec<Passage>,
}

fn parse(text: &str) -> Result<PassageSet, String> {
    let File { format_version, name, mut passage } =
        toml::from_str(text).map_err(|error| error.to_string())?;
    if format_version != FORMAT_VERSION {
        return Err(format!("format_version is {format_version}, not {FORMAT_VERSION}"));
    }
    for passage in &mut passage {
        passage.text = passage.text.trim().to_owned();
    }
    Ok(PassageSet { name, passages: passage })
}

impl PassageSet {
    /// The passages that ship with the program: plain description of everyday matters.
    pub fn bundled() -> &'static Self {
        &PARSED
    }

    /// Passages of many kinds of text for choosing settings by; none of them is in [`Self::bundled`] or
    /// in [`Self::for_training`].
    pub fn for_validation() -> Self {
        Self::anchors("validation", |at, count| at + VALIDATION >= count)
    }

    /// Passages of many kinds of text for holding a model to while it is trained.
    pub fn for_training() -> Self {
        Self::anchors("training", |at, count| at + VALIDATION < count)
    }

    fn anchors(part: &str, is_in: impl Fn(usize, usize) -> bool) -> Self {
        let all = &PARSED_ANCHORS.passages;
        let passages = all.iter().enumerate().filter(|(at, _)| is_in(*at, all.len()));
        Self {
            name: format!("{}, {part}", PARSED_ANCHORS.name),
            passages: passages.map(|(_, passage)| passage.clone()).collect(),
        }
    }

    /// The first `count` passages, or all if there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let passages = self.passages.iter().take(count).cloned().collect();
        Self { name: self.name.clone(), passages }
    }

    /// SHA-256 of ids and texts in their order.
    pub fn content_hash(&self) -> String {
        let parts: Vec<[&str; 2]> = self.passages.iter().map(|p| [&*p.id, &*p.text]).collect();
        // A list of strings as JSON tells where each ends.
        sha256(serde_json::json!(parts).to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_bundled_passages_are_whole_and_of_one_length() {
        let set = parse(BUNDLED).unwrap();
        assert_eq!((&set, set.passages.len()), (PassageSet::bundled(), 30));
        let anchors = parse(ANCHORS).unwrap();
        let (training, validation) = (PassageSet::for_training(), PassageSet::for_validation());
        assert_eq!((training.passages.len(), validation.passages.len()), (16, 8));
        assert_eq!([training.passages, validation.passages].concat(), anchors.passages);
        let all = || set.passages.iter().chain(&anchors.passages);
        let ids: BTreeSet<&str> = all().map(|p| p.id.as_str()).collect();
        assert_eq!(ids.len(), 54, "two passages share an id");
        for Passage { id, text } in all() {
            let words = text.split_whitespace().count();
            assert!((120..=200).contains(&words), "{id} has {words} words");
            assert!(text.ends_with('.') && !text.contains("  ") && !text.contains('\n'), "{id}");
        }
    }

    #[test]
    fn a_part_is_another_set() {
        let set = PassageSet::bundled();
        let part = set.first(3);
        assert_eq!(part.passages, set.passages[..3]);
        assert_ne!(part.content_hash(), set.content_hash());
        assert_eq!(set.first(99).content_hash(), set.content_hash());
    }

    #[test]
    fn other_versions_are_refused() {
        let text = "format_version = 2\nname = \"x\"\npassage = []\n";
        assert_eq!(parse(text).unwrap_err(), "format_version is 2, not 1");
    }
}
