//! The perplexities of a run, as `results.json` keeps them.

use super::stage::{PassageReading, PassageSet};
use crate::report::Table;
use crate::run::{Member, Observation, Role, Steering};
use axia_values::stats::{BootstrapOptions, Draw, Estimate, Resampler};
use serde::{Deserialize, Serialize};

/// How well a run's respondents predict neutral text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerplexitySummary {
    /// Name of the set of passages.
    pub passages: String,
    /// Hash of the passages read.
    pub hash: String,
    /// How many were read.
    pub count: usize,
    /// Tokens predicted in them.
    pub tokens: usize,
    /// Every respondent: base first, then control, then steered.
    pub respondents: Vec<RespondentPerplexity>,
    /// What training changed.
    pub changes: Vec<PerplexityChange>,
}

/// One respondent's perplexity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RespondentPerplexity {
    /// `base`, `control`, `power-down`, …
    pub name: String,
    /// Its part in the study.
    pub role: Role,
    /// The name that it shares with those of other seeds.
    pub steering: String,
    /// e to the mean negative log-probability of a token; the interval is over passages.
    pub perplexity: Estimate,
}

/// What a change is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The matched control of the same seed.
    Control,
    /// The untouched model.
    Base,
}

/// A paired difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerplexityChange {
    /// Who changed, without the seed: `control`, `power-down`.
    pub respondent: String,
    /// The target in words; `control` for the control.
    pub title: String,
    /// Against whom.
    pub reference: Reference,
    /// Training seeds compared.
    pub seeds: usize,
    /// Difference of the log-perplexities, in nats a token: above zero where text has become harder
    /// to predict. The interval draws passages, and seeds where there are several.
    pub log_perplexity: Estimate,
}

impl PerplexityChange {
    /// The change of the perplexity itself, as a share of the reference's: 0.25 for a quarter more.
    pub fn rise(&self) -> Estimate {
        share(self.log_perplexity)
    }
}

/// The change of the perplexity from one respondent to another, as a share of the first one's, with an
/// interval over passages; both read the same ones. `None` without a token.
pub fn perplexity_rise(
    before: &[PassageReading],
    after: &[PassageReading],
    options: BootstrapOptions,
) -> Option<Estimate> {
    difference(&[(Some(before), after)], options).map(share)
}

/// A change of the logarithm as one of the number itself.
fn share(Estimate { value, low, high }: Estimate) -> Estimate {
    Estimate { value: value.exp_m1(), low: low.exp_m1(), high: high.exp_m1() }
}

/// What a respondent read, in the order of the set.
type Readings = Observation<Vec<PassageReading>>;

impl PerplexitySummary {
    /// What training changed about `respondent`, named without its seed, against `reference`.
    pub fn change(&self, respondent: &str, reference: Reference) -> Option<&PerplexityChange> {
        let mut changes = self.changes.iter();
        changes.find(|one| one.respondent == respondent && one.reference == reference)
    }

    /// Compares `readers`, who all read `set`.
    pub(super) fn new(
        set: &PassageSet,
        readers: &[Readings],
        steerings: &[Steering],
        options: BootstrapOptions,
    ) -> Self {
        let tokens = readers.first().map_or(0, |r| r.answers.iter().map(|p| p.tokens).sum());
        let respondents = readers.iter().filter_map(|reader| {
            let log = difference(&[(None, reader.answers.as_slice())], options)?;
            let Estimate { value, low, high } = log;
            let perplexity = Estimate { value: value.exp(), low: low.exp(), high: high.exp() };
            let Member { name, role, steering, .. } = reader.member.clone();
            Some(RespondentPerplexity { name, role, steering, perplexity })
        });
        let control = ("control", "control");
        let steered = steerings.iter().map(|s| (s.name.as_str(), s.title.as_str()));
        let changes = std::iter::once(control).chain(steered).flat_map(|(name, title)| {
            [Reference::Control, Reference::Base]
                .into_iter()
                .filter_map(move |reference| change(readers, name, title, reference, options))
        });
        Self {
            passages: set.name.clone(),
            hash: set.content_hash(),
            count: set.passages.len(),
            tokens,
            respondents: respondents.collect(),
            changes: changes.collect(),
        }
    }
}

fn change(
    readers: &[Readings],
    name: &str,
    title: &str,
    reference: Reference,
    options: BootstrapOptions,
) -> Option<PerplexityChange> {
    let is_reference = |reader: &Readings, seed| match reference {
        Reference::Control => reader.member.role == Role::Control && reader.member.seed == seed,
        Reference::Base => reader.member.role == Role::Base,
    };
    let own = readers.iter().filter(|r| r.member.role != Role::Base && r.member.steering == name);
    let pairs: Vec<_> = own
        .filter_map(|reader| {
            let before = readers.iter().find(|other| is_reference(other, reader.member.seed))?;
            let pair = (Some(before.answers.as_slice()), reader.answers.as_slice());
            // The control is not compared with itself.
            (before.member != reader.member).then_some(pair)
        })
        .collect();
    Some(PerplexityChange {
        respondent: name.to_owned(),
        title: title.to_owned(),
        reference,
        seeds: pairs.len(),
        log_perplexity: difference(&pairs, options)?,
    })
}

/// The mean negative log-probability of a token after, less that before where there is a before:
/// over all tokens of all passages and seeds. Pairs are those of one seed each, and all read the
/// same passages. Nothing without a token.
fn difference(
    pairs: &[(Option<&[PassageReading]>, &[PassageReading])],
    options: BootstrapOptions,
) -> Option<Estimate> {
    let passages = pairs.first()?.1.len();
    let statistic = |draw: Draw<'_>| {
        let (mut nats, mut tokens) = (0.0, 0.0);
        for ((before, after), &seed) in pairs.iter().zip(draw.seeds) {
            for (place, (after, &drawn)) in after.iter().zip(draw.clusters).enumerate() {
                let weight = f64::from(seed * drawn);
                let before = before.and_then(|before| before.get(place));
                let before = before.map_or(0.0, |before| before.log_likelihood);
                nats += weight * (before - after.log_likelihood);
                tokens += weight * after.tokens as f64;
            }
        }
        vec![nats / tokens]
    };
    let resampler = Resampler::new(&vec![0; passages], pairs.len(), options);
    resampler.estimate(statistic).into_iter().next()?
}

impl Table {
    pub(in crate::stage) fn perplexity(&mut self, summary: &PerplexitySummary) {
        for one in &summary.respondents {
            let place = (one.name.as_str(), "perplexity", "neutral-text");
            self.estimate(place, "perplexity", &one.perplexity);
            self.count(place, "passages", summary.count);
            self.count(place, "tokens", summary.tokens);
        }
        for change in &summary.changes {
            let measure = match change.reference {
                Reference::Control => "log-perplexity-minus-control",
                Reference::Base => "log-perplexity-minus-base",
            };
            let place = (change.respondent.as_str(), "perplexity", "neutral-text");
            self.estimate(place, measure, &change.log_perplexity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_values::target::Direction;
    use axia_values::taxonomy::RefinedValue;

    fn readings(of: &[(usize, f64)]) -> Vec<PassageReading> {
        let named = of.iter().enumerate().map(|(i, &(tokens, log_likelihood))| PassageReading {
            passage: format!("p{i}"),
            tokens,
            log_likelihood,
        });
        named.collect()
    }

    fn reader(steering: &str, role: Role, seed: u64, readings: Vec<PassageReading>) -> Readings {
        Observation { member: Member::trained(role, steering, seed, true), answers: readings }
    }

    fn summary(readers: &[Readings]) -> PerplexitySummary {
        let steering = Steering::one(RefinedValue::Face.into(), Direction::Down);
        let set = PassageSet::bundled().first(2);
        PerplexitySummary::new(&set, readers, &[steering], BootstrapOptions::default())
    }

    fn find<'a>(
        summary: &'a PerplexitySummary,
        name: &str,
        reference: Reference,
    ) -> &'a PerplexityChange {
        let is_it = |c: &&PerplexityChange| c.respondent == name && c.reference == reference;
        summary.changes.iter().find(is_it).unwrap()
    }

    #[test]
    fn perplexity_by_hand() {
        // Ten tokens of probability 1/4 each, thirty of 1/16: 4^(10/40) · 16^(30/40) = 2^3.5.
        let texts = readings(&[(10, -10.0 * 4f64.ln()), (30, -30.0 * 16f64.ln())]);
        let found = summary(&[reader("base", Role::Base, 0, texts)]);
        let Estimate { value, low, high } = found.respondents[0].perplexity;
        assert!((value - 2f64.powf(3.5)).abs() < 1e-9, "{value}");
        // A resample holds one passage twice, or both.
        assert!((low - 4.0).abs() < 1e-9 && (high - 16.0).abs() < 1e-9, "{low} {high}");
        assert_eq!((found.count, found.tokens, found.changes.len()), (2, 40, 0));
    }

    #[test]
    fn changes_are_paired_by_passage() {
        // Very different passages, each of which became harder by 0.1 nats a token: no spread.
        let (base, steered) = ([(10, -10.0), (30, -90.0)], [(10, -11.0), (30, -93.0)]);
        let control = [(10, -10.0), (30, -90.0)];
        let readers = [
            reader("base", Role::Base, 0, readings(&base)),
            reader("control", Role::Control, 0, readings(&control)),
            reader("face-down", Role::Steered, 0, readings(&steered)),
        ];
        let found = summary(&readers);
        assert_eq!(found.changes.len(), 3, "control with base, steered with both");
        for reference in [Reference::Control, Reference::Base] {
            let Estimate { value, low, high } = find(&found, "face-down", reference).log_perplexity;
            for end in [value, low, high] {
                assert!((end - 0.1).abs() < 1e-12, "{end}");
            }
        }
        let still = find(&found, "control", Reference::Base).log_perplexity;
        assert_eq!((still.low, still.value, still.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn seeds_are_paired_and_drawn() {
        let texts = |nats: f64| readings(&[(10, -10.0 * nats), (10, -10.0 * nats)]);
        let readers = [
            reader("base", Role::Base, 0, texts(2.0)),
            reader("control", Role::Control, 1, texts(2.0)),
            reader("face-down", Role::Steered, 1, texts(2.1)),
            reader("control", Role::Control, 2, texts(2.5)),
            reader("face-down", Role::Steered, 2, texts(2.8)),
        ];
        let change = summary(&readers);
        let change = find(&change, "face-down", Reference::Control);
        let Estimate { value, low, high } = change.log_perplexity;
        assert_eq!(change.seeds, 2);
        assert!((value - 0.2).abs() < 1e-12, "{value}");
        assert!((low - 0.1).abs() < 1e-12 && (high - 0.3).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn nothing_is_made_of_no_tokens() {
        let found = summary(&[reader("base", Role::Base, 0, readings(&[(0, 0.0)]))]);
        assert!(found.respondents.is_empty() && found.changes.is_empty());
    }
}
