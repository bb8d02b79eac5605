//! Whoever is asked about posts.

use std::sync::atomic::AtomicBool;

use axia_engine::EngineError;

use crate::remote::{Reach, RemoteError};
use crate::respondent::RespondentError;

/// A model that answers in chat.
pub trait Annotator: Sync {
    /// The reply to `question`, one message of the user.
    ///
    /// # Errors
    /// [`AnnotatorError`]; soon after `cancel` becomes true, one that is a cancellation.
    fn reply(
        &self,
        question: &str,
        draw: &Draw,
        cancel: &AtomicBool,
    ) -> Result<String, AnnotatorError>;
}

/// How a reply is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Sampling temperature; 0 takes the likeliest token.
    pub temperature: f64,
    /// Seed of this reply; below 2^31, which every server takes.
    pub seed: u64,
    /// Most tokens of the reply.
    pub max_tokens: usize,
}

/// Why an annotator could not reply.
#[derive(Debug, thiserror::Error)]
pub enum AnnotatorError {
    /// A server failed.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The embedded model failed.
    #[error(transparent)]
    Respondent(#[from] RespondentError),
}

impl AnnotatorError {
    /// How much the failure spoils.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::Remote(error) => error.reach(),
            Self::Respondent(_) => Reach::Server,
        }
    }

    /// Whether the user asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Remote(RemoteError::Cancelled)
                | Self::Respondent(RespondentError::Engine(EngineError::Cancelled))
        )
    }
}
