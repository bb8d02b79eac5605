//! The words in which a verdict is asked for.
//!
//! Verdict probabilities depend on the wording of a question and on the order of its answers, so
//! every post is asked in several ways and the probabilities are averaged. All ways share the text
//! up to the end of the post, which is therefore computed once. No way names a value, or says what
//! anybody else thinks.

use crate::respondent::Prompt;
use axia_values::dilemma::Stance;
use serde::{Deserialize, Serialize};

/// What stands before the post.
const LEAD: &str = "Someone asks strangers to judge a conflict and writes:\n\n";

/// How the answers are listed in one wording.
struct Wording {
    /// After the post.
    question: &'static str,
    /// Meaning of each verdict, in the order of [`Stance::ALL`].
    meanings: [&'static str; 3],
    /// Between a verdict and its meaning.
    link: &'static str,
    /// Between two answers.
    between: &'static str,
    /// After the answers.
    close: &'static str,
    /// What the answer begins with.
    answer: &'static str,
}

const WORDINGS: [Wording; 3] = [
    Wording {
        question: "Is the writer in the wrong? The possible verdicts are:\n",
        meanings: [
            "the writer is not in the wrong",
            "the writer is in the wrong",
            "both sides or neither, or it depends",
        ],
        link: " = ",
        between: "\n",
        close: "\n\n",
        answer: "Verdict:",
    },
    Wording {
        question: "How do you judge what the writer did? Say ",
        meanings: ["if it was acceptable", "if it was not acceptable", "if it was partly both"],
        link: " ",
        between: ", ",
        close: ".\n\n",
        answer: "I say",
    },
    Wording {
        question: "Task: choose the label that fits this post best.\n",
        meanings: ["writer not at fault", "writer at fault", "no one side at fault"],
        link: ": ",
        between: "; ",
        close: "\n",
        answer: "Label:",
    },
];

/// Every order of the verdicts; the first three put each of them in each place once.
const ORDERS: [[Stance; 3]; 6] = {
    use Stance::{Neutral, Nta, Yta};
    [
        [Nta, Yta, Neutral],
        [Yta, Neutral, Nta],
        [Neutral, Nta, Yta],
        [Nta, Neutral, Yta],
        [Yta, Nta, Neutral],
        [Neutral, Yta, Nta],
    ]
};

/// Which ways of asking are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ways {
    /// Each wording with an order of its own: 3 ways, in which every verdict stands in every place
    /// once. What wording and order change cannot be told apart.
    Latin,
    /// Each wording with three orders: 9 ways.
    Rotations,
    /// Each wording with all orders: 18 ways.
    All,
}

/// One way of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Way {
    /// Number of the wording, from 0.
    pub wording: usize,
    /// Number of the order of the verdicts, from 0.
    pub order: usize,
}

impl Ways {
    /// The ways, wording by wording.
    pub fn list(self) -> Vec<Way> {
        let orders = |wording: usize| match self {
            Self::Latin => wording..wording + 1,
            Self::Rotations => 0..3,
            Self::All => 0..ORDERS.len(),
        };
        (0..WORDINGS.len())
            .flat_map(|wording| orders(wording).map(move |order| Way { wording, order }))
            .collect()
    }
}

/// The candidate continuations, in the order of [`Stance::ALL`].
pub fn candidates() -> Vec<String> {
    Stance::ALL.iter().map(|stance| format!(" {stance}")).collect()
}

/// The question about a post. The post goes in as it is: it is not read as a template.
pub fn question(post: &str, way: Way, chat: bool) -> Prompt {
    let wording = &WORDINGS[way.wording % WORDINGS.len()];
    let answers: Vec<String> = ORDERS[way.order % ORDERS.len()]
        .iter()
        .map(|stance| format!("{stance}{}{}", wording.link, wording.meanings[stance.index()]))
        .collect();
    let answers = answers.join(wording.between);
    let question =
        [LEAD, post, "\n\n", wording.question, answers.as_str(), wording.close.trim_end()].concat();
    if chat {
        Prompt::Chat { system: None, question, answer: wording.answer.to_owned() }
    } else {
        let gap = &wording.close[wording.close.trim_end().len()..];
        Prompt::Plain([question.as_str(), gap, wording.answer].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_verdict_stands_in_every_place_equally_often() {
        for ways in [Ways::Latin, Ways::Rotations, Ways::All] {
            let mut met: BTreeMap<(Stance, usize), usize> = BTreeMap::new();
            for way in ways.list() {
                for (place, stance) in ORDERS[way.order].into_iter().enumerate() {
                    *met.entry((stance, place)).or_default() += 1;
                }
            }
            let counts: Vec<usize> = met.values().copied().collect();
            assert_eq!(counts, vec![ways.list().len() / 3; 9], "{ways:?}");
        }
        assert_eq!(Ways::All.list().len(), 18);
    }

    #[test]
    fn a_question_holds_the_post_and_each_verdict_once() {
        let way = Way { wording: 0, order: 1 };
        let Prompt::Plain(text) = question("I did {{ it }}.", way, false) else { panic!() };
        assert_eq!(
            text,
            "Someone asks strangers to judge a conflict and writes:\n\nI did {{ it }}.\n\nIs the \
             writer in the wrong? The possible verdicts are:\nYTA = the writer is in the wrong\n\
             Neutral = both sides or neither, or it depends\nNTA = the writer is not in the \
             wrong\n\nVerdict:"
        );
        let Prompt::Chat { question, answer, .. } =
            question("p", Way { wording: 1, order: 0 }, true)
        else {
            panic!()
        };
        assert!(question.ends_with("Neutral if it was partly both."), "{question}");
        assert_eq!(answer, "I say");
    }

    #[test]
    fn all_ways_share_the_post() {
        let texts: Vec<String> = Ways::All
            .list()
            .into_iter()
            .map(|way| match question("the post", way, false) {
                Prompt::Plain(text) => text,
                Prompt::Chat { .. } => panic!(),
            })
            .collect();
        let shared = format!("{LEAD}the post\n\n");
        assert!(texts.iter().all(|text| text.starts_with(&shared)));
        let mut distinct = texts.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), texts.len());
    }
}
