//! Asking for verdicts.

use super::wording::{Way, Ways, candidates, question};
use crate::respondent::{Progress, Respondent, RespondentError, Scoring, Shown, cut_to_fit};
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
