//! Which stages there are beside the survey.

use super::judgement::Judging;
use super::perplexity::Measuring;
use super::play::Playing;
use super::{Compared, Stage};
use crate::report::Shown;
use crate::respondent::Respondent;
use crate::run::{Follow, Member, Observation, RunDir, StudyError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::time::Instant;

/// Whom a study asks, where the answers go, and what notes how long each stage took.
pub struct Asking<'a> {
    /// The run's folder.
    pub dir: &'a RunDir,
    /// The member of the run.
    pub member: &'a Member,
    /// What answers for it.
    pub respondent: &'a dyn Respondent,
    /// Told of the progress.
    pub follow: &'a mut dyn Follow,
    /// Called after each stage with what it was (`judge as base`) and when it began.
    pub took: &'a mut dyn FnMut(String, Instant) -> Result<(), StudyError>,
}

/// Makes whatever holds something for each stage.
macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident: $stage:ty,)+) => {
        /// What the members of a run are asked beside the survey; `None` for what they are not.
        #[derive(Debug, Clone, Default)]
        pub struct Stages {
            $($(#[$doc])* pub $name: Option<$stage>,)+
        }

        /// What the members answered, stage by stage.
        #[derive(Default)]
        pub struct Answers {
            $($name: Vec<Observation<<$stage as Stage>::Answers>>,)+
        }

        /// What was made of the answers, as `results.json` keeps it.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        pub struct Summaries {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $name: Option<<$stage as Stage>::Summary>,
            )+
        }

        impl Stages {
            /// Everything that decides the answers, apart from the respondents, by stage.
            pub fn manifest(&self) -> Map<String, Json> {
                let manifest = [$((
                    stringify!($name).to_owned(),
                    json!(self.$name.as_ref().map(Stage::manifest)),
                ),)+];
                manifest.into_iter().collect()
            }

            /// Asks a member everything and adds what it answers to `answers`.
            ///
            /// # Errors
            /// As of [`Stage::ask`].
            pub fn ask(&self, asking: Asking<'_>, answers: &mut Answers) -> Result<(), StudyError> {
                let Asking { dir, member, respondent, follow, took } = asking;
                $(if let Some(stage) = &self.$name {
                    let started = Instant::now();
                    let own = stage.ask(dir, &member.name, respondent, follow)?;
                    answers.$name.push(Observation { member: member.clone(), answers: own });
                    took(format!("{} as {}", <$stage>::VERB, member.name), started)?;
                })+
                Ok(())
            }

            /// Compares the members.
            ///
            /// # Errors
            /// As of [`Stage::summarise`].
            pub fn summarise(
                &self,
                answers: &Answers,
                study: &Compared<'_>,
            ) -> Result<Summaries, StudyError> {
                Ok(Summaries {
                    $($name: match &self.$name {
                        Some(stage) => Some(stage.summarise(&answers.$name, study)?),
                        None => None,
                    },)+
                })
            }
        }

        impl Summaries {
            /// What reports show, in the order of the page.
            pub(crate) fn shown(&self) -> Vec<&dyn Shown> {
                let all = [$(self.$name.as_ref().map(|summary| summary as &dyn Shown),)+];
                all.into_iter().flatten().collect()
            }
        }
    };
}

stages! {
    /// How well the respondents predict neutral text.
    perplexity: Measuring,
    /// How the respondents judge dilemmas.
    judgement: Judging,
    /// How the respondents play text adventures.
    play: Playing,
}
