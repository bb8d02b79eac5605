//! Asking about a post in several wordings and orders of the verdicts.

use crate::respondent::{
    Progress, Prompt, Respondent, RespondentError, Scoring, Shown, cut_to_fit,
};
use crate::run::{Rows, StudyError};
use axia_values::dilemma::{DilemmaSet, Stance};
use axia_values::judgement::CONTENT_FREE;
use serde::{Deserialize, Serialize};

/// Posts asked about together: enough to keep the engine busy, few enough for a killed run to lose
/// little.
const POSTS_AT_ONCE: usize = 8;
/// No model reads more than this many bytes a token on average, other than by repetition.
const BYTES_PER_TOKEN: usize = 16;

/// How posts are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeSettings {
    /// Ways of asking.
    pub ways: Ways,
    /// Whether a respondent's liking for a verdict whatever the post is taken out; see
    /// [`axia_values::judgement::Calibration`].
    pub calibrate: bool,
    /// Whether questions are put in the model's chat format.
    pub chat: bool,
}

/// A verdict on one post, asked in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Id of the dilemma, or `content-free-N`.
    pub post: String,
    /// The way of asking.
    pub way: Way,
    /// Log-likelihoods of the verdicts as continuations, in the order of [`Stance::ALL`].
    pub scores: [f64; 3],
    /// Characters cut from the middle of the post for it to fit the model's context.
    pub cut: usize,
}

/// The id of a post without content.
pub fn content_free_id(index: usize) -> String {
    format!("content-free-{}", index + 1)
}

/// Judges what is not in `rows` yet, and leaves them whole.
///
/// # Errors
/// [`StudyError`]; after a cancellation the rows can be gone on with.
pub fn judge(
    respondent: &dyn Respondent,
    set: &DilemmaSet,
    settings: JudgeSettings,
    rows: &mut Rows<Judgement>,
    progress: Progress,
) -> Result<(), StudyError> {
    if rows.is_whole() {
        return Ok(());
    }
    let ways = settings.ways.list();
    let content_free = CONTENT_FREE.iter().enumerate().map(|(i, post)| (content_free_id(i), *post));
    let content_free = content_free.filter(|_| settings.calibrate);
    let posts: Vec<(String, &str)> = content_free
        .chain(set.dilemmas.iter().map(|dilemma| (dilemma.id.clone(), dilemma.post.as_str())))
        .collect();
    let whole_posts = rows.rows().len() / ways.len();
    rows.truncate(whole_posts * ways.len())?;
    for posts in posts[whole_posts.min(posts.len())..].chunks(POSTS_AT_ONCE) {
        let before = rows.rows().len() / ways.len();
        let mut asked = |done: usize| progress(before + done / ways.len());
        rows.append(judge_posts(respondent, posts, &ways, settings.chat, &mut asked)?)?;
    }
    rows.finish()
}

fn judge_posts(
    respondent: &dyn Respondent,
    posts: &[(String, &str)],
    ways: &[Way],
    chat: bool,
    progress: Progress,
) -> Result<Vec<Judgement>, StudyError> {
    let candidates = candidates();
    let mut questions = Vec::new();
    let mut judgements = Vec::new();
    for (id, post) in posts {
        let post = respondent.inert(post);
        let shown = shorten(respondent, &post, ways, chat)?;
        for &way in ways {
            let prompt = question(&shown.text, way, chat);
            questions.push(Scoring { prompt, candidates: candidates.clone() });
            judgements.push(Judgement { post: id.clone(), way, scores: [0.0; 3], cut: shown.cut });
        }
    }
    let scores = respondent.score(&questions, progress)?;
    for (judgement, scores) in judgements.iter_mut().zip(scores) {
        judgement.scores =
            std::array::from_fn(|i| scores.get(i).copied().unwrap_or(f64::NEG_INFINITY));
    }
    Ok(judgements)
}

/// Makes a post fit the model's context with whatever way of asking is longest.
fn shorten<'a>(
    respondent: &dyn Respondent,
    post: &'a str,
    ways: &[Way],
    chat: bool,
) -> Result<Shown<'a>, RespondentError> {
    let Some(context) = respondent.context() else {
        return Ok(Shown { text: post.into(), cut: 0 });
    };
    let mut longest = 0;
    for &way in ways {
        longest = longest.max(respondent.tokens(&question("", way, chat))?);
    }
    let first = Way { wording: 0, order: 0 };
    let frame = respondent.tokens(&question("", first, chat))?;
    // Every verdict is a word of a few tokens.
    let room = context.saturating_sub(longest + Stance::ALL.len() * 4);
    cut_to_fit(post, room * BYTES_PER_TOKEN, |text| {
        Ok(respondent.tokens(&question(text, first, chat))? <= room + frame)
    })
}

// The words in which a verdict is asked for.
//
// Verdict probabilities depend on the wording of a question and on the order of its answers, so
// every post is asked in several ways and the probabilities are averaged. All ways share the text
// up to the end of the post, which is therefore computed once. No way names a value, or says what
// anybody else thinks.

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
