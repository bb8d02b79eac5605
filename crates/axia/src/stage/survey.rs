//! The survey: items asked in several ways, and answers read as ratings.

use crate::respondent::{Progress, Prompt, Reply, Respondent, Scoring};
use crate::run::{Follow, RunDir, StudyError};
use axia_engine::generate::Sampling;
use axia_values::instrument::{Instrument, Item, Row, Split, Variant};
use axia_values::profile::{Answer, Response};
use axia_values::rating::{Distribution, Rating};
use serde::{Deserialize, Serialize};

/// Tokens a sampled answer may take: room for a space, a digit and a closing phrase.
const REPLY_TOKENS: usize = 6;

/// How the rows of a survey are asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Administration {
    /// Whether questions are put as a user's turn in the model's chat format; otherwise as plain
    /// text to be continued.
    pub chat: bool,
    /// How answers are obtained.
    pub mode: AnswerMode,
}

/// How answers are obtained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerMode {
    /// The six ratings are scored as continuations.
    Scored,
    /// Replies are sampled.
    Sampled {
        /// Sampling temperature.
        temperature: f64,
        /// Replies per question.
        repetitions: usize,
        /// Seed.
        seed: u64,
    },
}

/// The paper's sampled readout: temperature 0.5, three repetitions.
pub const SAMPLED: AnswerMode = AnswerMode::Sampled { temperature: 0.5, repetitions: 3, seed: 0 };

/// One item in one variant.
struct Question<'a> {
    item: &'a Item,
    variant: Variant,
    row: Row,
    /// Number among all questions of the instrument, which its random stream comes from.
    number: u64,
}

/// Rows of a survey to be asked, and where in the run the answers go.
pub struct Asked<'a> {
    /// The survey.
    pub instrument: &'a Instrument,
    /// The rows, by their items' places in the survey and their ways of asking.
    pub rows: Vec<(usize, Variant)>,
    /// How they are asked.
    pub how: Administration,
    /// The file of the run.
    pub cell: &'a str,
    /// What the user is shown meanwhile.
    pub phase: &'a str,
}

/// Rows asked together: enough to share instructions and statements, few enough for a killed run to
/// lose little.
const ROWS_AT_ONCE: usize = 243;

/// The rows of the items in `splits`, asked in the ways of `variants`.
pub fn rows_of(
    instrument: &Instrument,
    splits: &[Split],
    variants: VariantPlan,
) -> Vec<(usize, Variant)> {
    let items = instrument.items.iter().enumerate();
    let asked = items.filter(|(_, item)| splits.contains(&item.split));
    let ways = |(index, _)| {
        variants.of(instrument, index).into_iter().map(move |variant| (index, variant))
    };
    asked.flat_map(ways).collect()
}

/// The answers to a survey: what the run's folder has of them, and the rest asked now, written as
/// they come.
///
/// # Errors
/// [`StudyError`]; after a cancellation it can be gone on with.
pub fn ask(
    asked: &Asked,
    dir: &RunDir,
    respondent: &dyn Respondent,
    follow: &mut dyn Follow,
) -> Result<Vec<Response>, StudyError> {
    let Asked { instrument, rows: wanted, how, cell, phase } = asked;
    let mut rows = dir.rows::<Response>(cell)?;
    if !rows.is_whole() {
        follow.begin(phase, wanted.len());
        let known = rows.rows().len() / ROWS_AT_ONCE * ROWS_AT_ONCE;
        rows.truncate(known)?;
        for part in wanted[known.min(wanted.len())..].chunks(ROWS_AT_ONCE) {
            let before = rows.rows().len();
            let mut progress = |done: usize| {
                follow.advance(before + done, "");
                !follow.cancelled()
            };
            rows.append(administer(respondent, instrument, part, *how, &mut progress)?)?;
        }
        rows.finish()?;
        follow.end();
    }
    Ok(rows.into_rows())
}

/// Asks `respondent` rows, given by their items' places in the instrument and their ways of asking;
/// `how` says all else.
///
/// # Errors
/// [`StudyError::Respondent`] where the respondent fails or `progress` says to stop.
pub fn administer(
    respondent: &dyn Respondent,
    instrument: &Instrument,
    rows: &[(usize, Variant)],
    how: Administration,
    progress: Progress,
) -> Result<Vec<Response>, StudyError> {
    let questions: Vec<Question> = rows
        .iter()
        .map(|&(index, variant)| Question {
            item: &instrument.items[index],
            variant,
            row: instrument.row(&instrument.items[index], variant),
            number: number(instrument, index, variant),
        })
        .collect();
    let answers = match how.mode {
        AnswerMode::Scored => scored(respondent, &questions, how.chat, progress)?,
        AnswerMode::Sampled { temperature, repetitions, seed } => {
            let sampling = Sampling { temperature, top_p: 1.0, top_k: 0 };
            sampled(respondent, &questions, how.chat, (sampling, repetitions, seed), progress)?
        }
    };
    let answered = questions.iter().zip(answers).map(|(question, answer)| Response {
        item: question.item.id.clone(),
        variant: question.variant,
        answer,
    });
    Ok(answered.collect())
}

fn number(instrument: &Instrument, item: usize, variant: Variant) -> u64 {
    let instructions = instrument.instructions.len();
    ((item * instructions + variant.instruction) * instrument.templates.len() + variant.template)
        as u64
}

/// The prompt of a row up to the rating.
pub fn prompt(row: &Row, chat: bool) -> Prompt {
    if chat {
        Prompt::Chat {
            system: None,
            question: row.instruction_and_statement.clone(),
            answer: row.before.clone(),
        }
    } else {
        Prompt::Plain(row.prompt())
    }
}

fn scored(
    respondent: &dyn Respondent,
    questions: &[Question],
    chat: bool,
    progress: Progress,
) -> Result<Vec<Answer>, StudyError> {
    let candidates: Vec<String> = Rating::ALL.iter().map(|r| r.to_string()).collect();
    let scorings: Vec<Scoring> = questions
        .iter()
        .map(|q| Scoring { prompt: prompt(&q.row, chat), candidates: candidates.clone() })
        .collect();
    let scores = respondent.score(&scorings, progress)?;
    let distributions = scores.into_iter().map(|scores| {
        let six: [f64; 6] = std::array::from_fn(|i| scores.get(i).copied().unwrap_or(f64::NAN));
        let found = Distribution::from_log_likelihoods(six);
        found.map(Answer::Scored).map_err(|e| StudyError::Setting(e.to_string()))
    });
    distributions.collect()
}

fn sampled(
    respondent: &dyn Respondent,
    questions: &[Question],
    chat: bool,
    (sampling, repetitions, seed): (Sampling, usize, u64),
    progress: Progress,
) -> Result<Vec<Answer>, StudyError> {
    let replies: Vec<Reply> = questions
        .iter()
        .flat_map(|question| {
            (0..repetitions).map(move |repetition| Reply {
                prompt: prompt(&question.row, chat),
                sampling,
                // One stream per question and repetition, whatever is asked beside it.
                seed: seed
                    ^ (question.number * repetitions as u64 + repetition as u64)
                        .wrapping_mul(0x9E37_79B9_7F4A_7C15),
                max_tokens: REPLY_TOKENS,
            })
        })
        .collect();
    let texts = respondent.reply(&replies, &|text| digit_run_ended(text), progress)?;
    let votes = texts.chunks(repetitions.max(1));
    Ok(votes.map(|texts| Answer::Sampled(texts.iter().map(|t| rating_in(t)).collect())).collect())
}

/// The rating a reply gives: its first number, if that is a lone digit from 1 to 6.
pub fn rating_in(reply: &str) -> Option<Rating> {
    let number = reply.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?;
    number.parse().ok().and_then(|n: u8| Rating::new(n).ok())
}

/// Whether a reply holds a number that is over, so that the rest need not be sampled.
fn digit_run_ended(reply: &str) -> bool {
    let after = reply.trim_start_matches(|c: char| !c.is_ascii_digit());
    after.trim_start_matches(|c: char| c.is_ascii_digit()).chars().next().is_some()
}

/// A choice of variants for every item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariantPlan {
    /// All instructions with all templates.
    All,
    /// A few templates of one instruction, both rotating from item to item, so that all are met
    /// equally often: cheap, because the variants of an item share its statement.
    Rotating(usize),
    /// All instructions with a few templates, spread evenly, the same for every item.
    Spread(usize),
}

impl VariantPlan {
    /// The variants in which the item at place `index` is asked.
    pub fn of(self, instrument: &Instrument, index: usize) -> Vec<Variant> {
        let (instructions, templates) = (instrument.instructions.len(), instrument.templates.len());
        let spread = |count: usize| {
            let count = count.clamp(1, templates);
            (0..count).map(move |k| k * templates / count)
        };
        match self {
            Self::All => instrument.variants(),
            Self::Rotating(count) => {
                let instruction = index % instructions;
                let shift = index / instructions;
                spread(count)
                    .map(|t| Variant { instruction, template: (t + shift) % templates })
                    .collect()
            }
            Self::Spread(count) => (0..instructions)
                .flat_map(|i| {
                    spread(count).map(move |template| Variant { instruction: i, template })
                })
                .collect(),
        }
    }

    /// Variants per item.
    pub fn per_item(self, instrument: &Instrument) -> usize {
        self.of(instrument, 0).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn replies_are_read_by_their_first_number() {
        let cases = [
            ("4", Some(4)),
            (" 5 out of 6.", Some(5)),
            ("I choose 2.", Some(2)),
            ("10", None),
            ("0", None),
            ("7 or 6", None),
            ("six", None),
            ("", None),
        ];
        for (reply, rating) in cases {
            assert_eq!(rating_in(reply).map(Rating::get), rating, "{reply:?}");
        }
        assert!(!digit_run_ended("Rating 1") && digit_run_ended("1 ") && !digit_run_ended("one"));
    }

    #[test]
    fn rotation_meets_every_variant_equally_often() {
        let instrument = Instrument::bundled();
        let mut met: BTreeMap<Variant, usize> = BTreeMap::new();
        for index in 0..270 {
            let variants = VariantPlan::Rotating(3).of(instrument, index);
            assert_eq!(variants.len(), 3);
            assert!(variants.iter().all(|v| v.instruction == variants[0].instruction));
            variants.into_iter().for_each(|v| *met.entry(v).or_default() += 1);
        }
        assert_eq!(met.len(), 27);
        assert!(met.values().all(|&n| n == 30), "{met:?}");
    }

    #[test]
    fn spread_uses_every_instruction() {
        let instrument = Instrument::bundled();
        let variants = VariantPlan::Spread(3).of(instrument, 5);
        assert_eq!(variants.len(), 9);
        assert_eq!(VariantPlan::All.per_item(instrument), 27);
    }
}
