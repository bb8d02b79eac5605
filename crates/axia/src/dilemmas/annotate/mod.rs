//! An annotator model reads each post: the value at stake and the verdicts it implies.
//!
//! Posts are untrusted text. They reach a model inside a delimited block, as one user message,
//! with everything broken up that a tokenizer could take for a control token or that could end
//! the block; the data set keeps them as they are.

mod annotator;
mod answer;
mod asker;
mod error;
mod question;
mod records;
mod run;
mod settings;

pub use annotator::{Annotator, AnnotatorError, Draw, RemoteAnnotator, RespondentAnnotator};
pub use asker::Vote;
pub use error::AnnotateError;
pub use records::{Annotation, SetAside, annotations, set_aside};
pub use run::{AnnotationSummary, annotate, prompts};
pub use settings::AnnotationSettings;
