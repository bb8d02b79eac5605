//! Moral judgement: verdicts on dilemmas, and what steering changes in them.
//!
//! A respondent reads a post and a neutral question; the three verdicts are scored as
//! continuations ([`judge`]). [`Judged`] averages over ways of asking, [`JudgementSummary`]
//! compares respondents.

mod alone;
mod ask;
mod page;
mod stage;
mod summary;
mod table;
mod verdicts;
mod wording;

pub use alone::{AloneJudgement, ValueVerdicts};
pub use ask::{JudgeSettings, Judgement, content_free_id, judge};
pub(crate) use page::matrix_page;
pub use stage::{Judging, around_target};
pub use summary::{JudgementShiftSummary, JudgementSummary, Reading, RespondentVerdicts};
pub use verdicts::{Judged, Spread};
pub use wording::{Way, Ways, candidates, question};
