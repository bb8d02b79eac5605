//! Moral judgement: verdicts on dilemmas, and what steering changes in them.
//!
//! A respondent reads a post and a neutral question; the three verdicts are scored as
//! continuations ([`judge`]). [`Judged`] averages over ways of asking, [`JudgementSummary`]
//! compares respondents.

mod ask;
mod page;
mod stage;
mod summary;
mod verdicts;

pub use ask::{JudgeSettings, Judgement, Way, Ways, candidates, content_free_id, judge, question};
pub(crate) use page::matrix_page;
pub use stage::{Judging, around_target};
pub use summary::{
    AloneJudgement, JudgementShiftSummary, JudgementSummary, Reading, RespondentVerdicts,
    ValueVerdicts,
};
pub use verdicts::{Judged, Spread};
