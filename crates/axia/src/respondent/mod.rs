//! Who answers: the two questions that every study asks.

mod embedded;
mod served;

pub use embedded::{Embedded, Prompt, PromptReader, Shown, cut_to_fit};
pub use served::{
    Account, AnswerCache, Captured, Finding, Method, MethodChoice, Served, ServedError,
    ServedSettings, Shape, State,
};

use std::borrow::Cow;

use axia_engine::EngineError;
use axia_engine::chat::ChatError;
use axia_engine::generate::Sampling;

/// A prompt with candidate continuations.
#[derive(Debug, Clone, PartialEq)]
pub struct Scoring {
    /// What is read.
    pub prompt: Prompt,
    /// Texts whose log-likelihoods are asked for.
    pub candidates: Vec<String>,
}

/// A prompt to be continued.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What is read.
    pub prompt: Prompt,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Seed of this reply's random stream.
    pub seed: u64,
    /// Most tokens to draw.
    pub max_tokens: usize,
}

/// Follows long work: told how much is done, says whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> bool;

/// Why a respondent could not answer.
#[derive(Debug, thiserror::Error)]
pub enum RespondentError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The chat template is missing or failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The server of the model failed.
    #[error(transparent)]
    Served(ServedError),
    /// A served model whose prompts do not come back cannot be asked how likely a text was.
    #[error("a model behind a server cannot be asked for the perplexity of a text")]
    CannotRead,
}

/// Whoever answers a questionnaire: a model, with or without an adapter.
pub trait Respondent {
    /// Log-likelihood of every candidate of every question.
    ///
    /// # Errors
    /// [`RespondentError`]; [`EngineError::Cancelled`] when `progress` says to stop.
    fn score(
        &self,
        questions: &[Scoring],
        progress: Progress,
    ) -> Result<Vec<Vec<f64>>, RespondentError>;

    /// The same for questions that come call by call and begin alike, as scenes of a game do with
    /// its rules: what they begin with may be remembered from call to call.
    ///
    /// # Errors
    /// As of [`Self::score`].
    fn score_in_turn(
        &self,
        questions: &[Scoring],
        progress: Progress,
    ) -> Result<Vec<Vec<f64>>, RespondentError> {
        self.score(questions, progress)
    }

    /// The longest text it can read, in tokens; nothing where that is not known.
    fn context(&self) -> Option<usize>;

    /// Tokens of a prompt as this respondent reads it.
    ///
    /// # Errors
    /// [`RespondentError`] where the prompt cannot be put into tokens.
    fn tokens(&self, prompt: &Prompt) -> Result<usize, RespondentError>;

    /// Text by strangers, with whatever would be more than text to this respondent broken up:
    /// special tokens that are written out.
    fn inert<'t>(&self, text: &'t str) -> Cow<'t, str>;

    /// Of every text how many tokens were predicted, and the sum of their log-probabilities in nats.
    ///
    /// # Errors
    /// [`RespondentError`]; [`RespondentError::CannotRead`] unless the respondent can.
    fn read(&self, _texts: &[&str]) -> Result<Vec<(usize, f64)>, RespondentError> {
        Err(RespondentError::CannotRead)
    }

    /// One sampled reply to every question; `done` says of a reply so far whether it suffices.
    ///
    /// # Errors
    /// [`RespondentError`]; [`EngineError::Cancelled`] when `progress` says to stop.
    fn reply(
        &self,
        questions: &[Reply],
        done: &dyn Fn(&str) -> bool,
        progress: Progress,
    ) -> Result<Vec<String>, RespondentError>;
}
