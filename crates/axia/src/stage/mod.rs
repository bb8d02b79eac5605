//! Stages: what every member of a run is asked to do.

pub mod judgement;
pub mod perplexity;
pub mod play;
mod registry;
pub mod survey;

pub use registry::{Answers, Asking, Stages, Summaries};

use crate::files::sha256;
use crate::respondent::Respondent;
use crate::run::{Follow, Observation, RunDir, Steering, StudyError};
use axia_values::shift::Comparison;
use axia_values::stats::BootstrapOptions;
use serde_json::Value as Json;

/// One thing that respondents are asked to do, and what is made of their answers.
pub trait Stage {
    /// What a respondent answers.
    type Answers;
    /// What is made of all answers, as `results.json` keeps it.
    type Summary;
    /// The folder of a run that answers go to.
    const FOLDER: &'static str;
    /// What a respondent does, for the list of how long things took: `judge`.
    const VERB: &'static str;

    /// Everything that decides the answers, apart from the respondents.
    fn manifest(&self) -> Json;

    /// The file of a run that the answers of the respondent called `name` go to. It is named after what
    /// is asked, too, so that answers to other questions are never taken for them.
    fn cell(&self, name: &str) -> String {
        let asked = sha256(self.manifest().to_string().as_bytes());
        format!("{}/{}/{name}.jsonl", Self::FOLDER, &asked[..8])
    }

    /// Asks a respondent; what it answers goes to [`Self::cell`]. Answers that are there are not asked for
    /// again.
    ///
    /// # Errors
    /// [`StudyError`]; after a cancellation the stage can be taken up again.
    fn ask(
        &self,
        dir: &RunDir,
        name: &str,
        respondent: &dyn Respondent,
        follow: &mut dyn Follow,
    ) -> Result<Self::Answers, StudyError>;

    /// Compares the respondents: the base first, then, seed by seed, the control and the steered ones.
    ///
    /// # Errors
    /// [`StudyError`] where answers cannot be compared.
    fn summarise(
        &self,
        observations: &[Observation<Self::Answers>],
        study: &Compared,
    ) -> Result<Self::Summary, StudyError>;
}

/// What respondents are compared by.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// What was steered where.
    pub steerings: &'a [Steering],
    /// By steering's name, what it changed in the survey against the control.
    pub survey: &'a [(String, Comparison)],
    /// How intervals are made.
    pub options: BootstrapOptions,
}
