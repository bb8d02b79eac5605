//! What a result says about how it was obtained from a server.

use super::{Method, Shape};
use crate::remote::RemoteError;
use axia_engine::error::FileError;
use serde::{Deserialize, Serialize};

/// Below this share of captured probability a reading says little.
const LITTLE: f64 = 0.5;

/// How answers were read from a served model; a part of every result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Base address of the server.
    pub url: String,
    /// Name of the model there.
    pub model: String,
    /// Whether it was asked in plain text or in chats.
    pub shape: Shape,
    /// How candidates were scored.
    pub scoring: Method,
    /// Its context in tokens, where the server says so.
    pub context: Option<usize>,
    /// The probability that fell on the candidates; nothing where none were scored.
    pub captured: Option<Captured>,
    /// What the probe questions showed.
    pub probes: Vec<Finding>,
}

/// The probability that fell on a question's candidates, over all questions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// Questions.
    pub questions: usize,
    /// Mean.
    pub mean: f64,
    /// The least of all.
    pub least: f64,
    /// Questions on which less than half fell on the candidates.
    pub below_half: usize,
    /// Questions on which nothing did; all candidates count the same there.
    pub none: usize,
}

/// What a probe showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was probed.
    pub about: String,
    /// What became of it.
    pub state: State,
    /// In words.
    pub found: String,
}

/// What became of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The server does it.
    Works,
    /// The server does not do it, or refuses.
    Absent,
    /// The server takes the request and does something else.
    Untrue,
}

impl Captured {
    /// Of the masses captured question by question.
    pub(super) fn new(masses: &[f64]) -> Option<Self> {
        let count = |wanted: fn(f64) -> bool| masses.iter().filter(|&&mass| wanted(mass)).count();
        (!masses.is_empty()).then(|| Self {
            questions: masses.len(),
            mean: masses.iter().sum::<f64>() / masses.len() as f64,
            least: masses.iter().copied().fold(f64::INFINITY, f64::min),
            below_half: count(|mass| mass < LITTLE),
            none: count(|mass| mass <= 0.0),
        })
    }
}

impl Finding {
    pub(super) fn new(about: &str, state: State, found: impl Into<String>) -> Self {
        Self { about: about.to_owned(), state, found: found.into() }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let mark = match self.state {
            State::Works => "yes",
            State::Absent => "no",
            State::Untrue => "UNTRUE",
        };
        format!("{:14} {mark:6} {}", self.about, self.found)
    }
}

impl Account {
    /// For people: who was asked, how answers were read, and whether that can be relied on.
    pub fn describe(&self) -> String {
        let mut text = format!(
            "asked: {} at {}, in {}; scored by {}\n",
            self.model,
            self.url,
            self.shape,
            self.scoring.describe()
        );
        if let Some(c) = &self.captured {
            text += &format!(
                "probability on the candidates: mean {:.3}, least {:.3}, over {} questions\n",
                c.mean, c.least, c.questions
            );
            if c.mean < LITTLE {
                text += "warning: most of the model's probability is on other answers, so that the \
                         ratios among these few say little\n";
            }
            if c.none > 0 {
                let none = c.none;
                text += &format!(
                    "warning: {none} questions were answered by no candidate; all count the same \
                     there\n"
                );
            }
        }
        for finding in self.probes.iter().filter(|probe| probe.state == State::Untrue) {
            text += &format!("warning: {}: {}\n", finding.about, finding.found);
        }
        text
    }
}

/// Why a served model could not answer. Messages read well after "failed to …: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServedError {
    /// The server did not answer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The server has no endpoint for this kind of prompt.
    #[error("{url} takes no {shape} from this model (\"{said}\"); {}", .shape.alternative())]
    NoEndpoint {
        /// The endpoint.
        url: String,
        /// What was to be asked.
        shape: Shape,
        /// What the server said.
        said: String,
    },
    /// The server refuses even the plainest question.
    #[error("{url} refuses the request: \"{said}\"")]
    Refused {
        /// The endpoint.
        url: String,
        /// What the server said.
        said: String,
    },
    /// Answers do not depend on questions.
    #[error(
        "{url} gives one and the same answer to different questions (\"{answer}\"), so nothing can be learnt from it"
    )]
    Constant {
        /// The endpoint.
        url: String,
        /// The answer.
        answer: String,
    },
    /// Answers have no text.
    #[error(
        "{url} answers without text; a model that thinks first, without showing it, cannot be asked for one token"
    )]
    Silent {
        /// The endpoint.
        url: String,
    },
    /// A way of reading answers was asked for that the probes spoke against.
    #[error("answers cannot be read by {method}: {reason}; leave --scoring out, or choose another")]
    Unusable {
        /// The way.
        method: &'static str,
        /// What the probes showed.
        reason: String,
    },
    /// The server passed the probes, then went back on them.
    #[error("{url} does not do what it did when it was probed: {problem}")]
    Changed {
        /// The endpoint.
        url: String,
        /// What it does.
        problem: String,
    },
    /// Answers cannot be kept.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ServedError {
    /// Whether something the user gave is at fault.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::NoEndpoint { .. }
                | Self::Unusable { .. }
                | Self::Remote(RemoteError::Refused { .. })
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_are_summarised() {
        assert_eq!(Captured::new(&[]), None);
        let captured = Captured::new(&[1.0, 0.25, 0.0, 0.75]).unwrap();
        let expected = Captured { questions: 4, mean: 0.5, least: 0.0, below_half: 2, none: 1 };
        assert_eq!(captured, expected);
    }
}
