//! Options that say what an adapter is taught.

use super::failure::{Failure, Outcome};
use super::train::SoftmaxName;
use crate::study::{Anchors, Pull};
use anyhow::anyhow;
use axia_engine::train::Softmax;
use clap::{Args, ValueEnum};
use std::str::FromStr;

/// What holds the other values in their place.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum AnchorName {
    /// Every other row keeps the base's own distribution over the ratings; only the rating's
    /// position is trained
    Soft,
    /// Every other item keeps one baseline rating, taught with the rest of the answer, as in the
    /// paper
    Hard,
}

/// What is taught.
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// What holds the other values in their place
    #[arg(long, value_enum, help_heading = "Training")]
    anchors: Option<AnchorName>,
    /// What the ratings' probabilities are a share of, with soft anchors
    #[arg(long, value_enum, help_heading = "Training")]
    softmax: Option<SoftmaxName>,
    /// Teach the target's rows the base's distribution tilted by e^(±λ·rating), or, with `end`, all
    /// weight on the goal's rating; with soft anchors [default: 2]
    #[arg(long, value_name = "λ", help_heading = "Training", allow_negative_numbers = true)]
    tilt: Option<Tilt>,
    /// Hold the adapter to the base on plain text: weight of the Kullback–Leibler divergence, in nats a
    /// token, in the loss; none of the text is measured on
    #[arg(long, value_name = "WEIGHT", help_heading = "Training", allow_negative_numbers = true)]
    pub language_kl: Option<f64>,
    /// Largest rise of the perplexity on neutral text, in percent of the base's: each steered adapter
    /// gets the scale that is most selective on validation items within it; `off` leaves adapters as
    /// they were trained
    #[arg(long, value_name = "PERCENT", help_heading = "Training")]
    pub language_budget: Option<Budget>,
}

/// A share of the base's perplexity, given in percent; `None` for any.
#[derive(Debug, Clone, Copy)]
pub struct Budget(pub Option<f64>);

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let percent = text.trim_end_matches('%').trim().parse::<f64>().ok();
        let percent = percent.filter(|percent| percent.is_finite() && *percent >= 0.0);
        percent
            .map(|percent| Self(Some(percent / 100.0)))
            .ok_or_else(|| "give a number of percent, at least 0, or `off`".to_owned())
    }
}

/// What the target's rows are taught.
#[derive(Debug, Clone, Copy)]
pub struct Tilt(pub Pull);

impl FromStr for Tilt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "end" => Ok(Self(Pull::End)),
            number => number
                .parse()
                .map(|slope| Self(Pull::Tilt(slope)))
                .map_err(|_| "give a number, or `end`".to_owned()),
        }
    }
}

impl LabelArgs {
    /// The labels wanted, given a preset's.
    pub fn resolve(&self, preset: Anchors) -> Outcome<Anchors> {
        let (softmax, pull) = match preset {
            Anchors::Soft { softmax, pull } => (softmax, pull),
            Anchors::Hard => (Softmax::Candidates, Pull::End),
        };
        let softmax = self.softmax.map_or(softmax, Softmax::from);
        let pull = self.tilt.map_or(pull, |Tilt(pull)| pull);
        let is_soft = match self.anchors {
            Some(anchors) => matches!(anchors, AnchorName::Soft),
            None => matches!(preset, Anchors::Soft { .. }),
        };
        let only_soft = [("--softmax", self.softmax.is_some()), ("--tilt", self.tilt.is_some())];
        match only_soft.iter().find(|(_, given)| *given && !is_soft) {
            Some((flag, _)) => Err(Failure::input(anyhow!("{flag} needs --anchors soft"))),
            None if is_soft => Ok(Anchors::Soft { softmax, pull }),
            None => Ok(Anchors::Hard),
        }
    }
}
