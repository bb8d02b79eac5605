//! Why a served model could not answer.

use super::Shape;
use crate::remote::RemoteError;
use axia_engine::error::FileError;

/// Why a served model could not answer. Messages read well after "failed to …: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServedError {
    /// The server did not answer.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The server has no endpoint for this kind of prompt.
    #[error("{url} takes no {shape} from this model (\"{said}\"); {}", .shape.alternative())]
    NoEndpoint {
        /// The endpoint.
        url: String,
        /// What was to be asked.
        shape: Shape,
        /// What the server said.
        said: String,
    },
    /// The server refuses even the plainest question.
    #[error("{url} refuses the request: \"{said}\"")]
    Refused {
        /// The endpoint.
        url: String,
        /// What the server said.
        said: String,
    },
    /// Answers do not depend on questions.
    #[error(
        "{url} gives one and the same answer to different questions (\"{answer}\"), so nothing can be learnt from it"
    )]
    Constant {
        /// The endpoint.
        url: String,
        /// The answer.
        answer: String,
    },
    /// Answers have no text.
    #[error(
        "{url} answers without text; a model that thinks first, without showing it, cannot be asked for one token"
    )]
    Silent {
        /// The endpoint.
        url: String,
    },
    /// A way of reading answers was asked for that the probes spoke against.
    #[error("answers cannot be read by {method}: {reason}; leave --scoring out, or choose another")]
    Unusable {
        /// The way.
        method: &'static str,
        /// What the probes showed.
        reason: String,
    },
    /// The server passed the probes, then went back on them.
    #[error("{url} does not do what it did when it was probed: {problem}")]
    Changed {
        /// The endpoint.
        url: String,
        /// What it does.
        problem: String,
    },
    /// Answers cannot be kept.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ServedError {
    /// Whether something the user gave is at fault.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::NoEndpoint { .. }
                | Self::Unusable { .. }
                | Self::Remote(RemoteError::Refused { .. })
        )
    }
}
