//! An annotator model reads each post: the value at stake and the verdicts it implies.
//!
//! Posts are untrusted text. They reach a model inside a delimited block, as one user message,
//! with everything broken up that a tokenizer could take for a control token or that could end
//! the block; the data set keeps them as they are.

mod annotator;
mod answer;
mod asker;
mod error;
mod ledger;
mod posts;
mod question;
mod record;
mod records;
mod remote;
mod respondent;
mod run;
mod settings;
mod vote;

pub use annotator::{Annotator, AnnotatorError, Draw};
pub use error::AnnotateError;
pub use ledger::AnnotationSummary;
pub use record::{Annotation, SetAside};
pub use records::{annotations, set_aside};
pub use remote::RemoteAnnotator;
pub use respondent::RespondentAnnotator;
pub use run::{annotate, prompts};
pub use settings::AnnotationSettings;
pub use vote::Vote;
