//! Play: respondents act in annotated text adventures, and what steering changes in it.

mod summary;

pub use summary::{
    Agreement, AgreementPoint, Decided, Decisions, GameSummary, Measure, MeasureChange,
    MoveSummary, PlayRole, PlayShift, PlaySummary, PlayerSummary, RevealedChange, RevealedValue,
    SceneSummary, Transcript,
};
