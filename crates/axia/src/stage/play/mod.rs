//! Play: respondents act in annotated text adventures, and what steering changes in it.
//!
//! [`Playing`] has a respondent play games, many at once (`decide`), and keeps every turn. What
//! the turns meant is worked out by replaying them (`episode`); [`PlaySummary`] compares players.

mod decide;
mod episode;
mod page;
mod prompt;
mod stage;
mod statistics;
mod summarise;
mod summary;

pub use episode::{Act, Episode, Replayed};
pub use prompt::Turn;
pub use stage::{Decide, Guidance, PlaySettings, PlayedGame, Playing};
pub use summary::{
    Agreement, AgreementPoint, Decided, Decisions, GameSummary, Measure, MeasureChange,
    MoveSummary, PlayShift, PlaySummary, PlayerSummary, RevealedChange, RevealedValue,
    SceneSummary, Transcript,
};
