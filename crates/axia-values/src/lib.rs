//! Human values, the surveys that measure them, and the statistics of what was measured.
//!
//! | module | holds |
//! |---|---|
//! | [`taxonomy`] | values of three levels and their facets |
//! | [`instrument`] | questionnaires: reading, writing, the text of every question |
//! | [`check`] | quality control of questionnaires |
//! | [`dilemma`] | moral dilemmas and the verdicts of people high and low on a value |
//! | [`rating`] | ratings from 1 to 6, distributions and votes |
//! | [`profile`] | from answers to a value profile |
//! | [`target`] | what a respondent is steered towards, and the training rows for it |
//! | [`export`] | training data for other trainers |
//! | [`shift`] | what steering changed |
//! | [`judgement`] | verdicts on dilemmas, and what steering changed in them |
//! | [`random`] | draws that stay the same from release to release |
//! | [`stats`] | cluster bootstrap, tests, averages |
//! | [`place`] | where in a file something stands |
//!
//! The crate knows no models: a respondent is whoever answers.
//!
//! ```
//! use axia_values::instrument::{Instrument, Split};
//! use axia_values::profile::{Answer, Profile, Readout, Response, Scores};
//! use axia_values::rating::Distribution;
//! use axia_values::stats::BootstrapOptions;
//!
//! let survey = Instrument::bundled();
//! let mut responses = Vec::new();
//! for item in survey.split(Split::Test) {
//!     for variant in survey.variants() {
//!         let row = survey.row(item, variant);
//!         assert!(row.prompt().contains(&item.statement));
//!         // A respondent gives the log-likelihood of each rating after this prompt.
//!         let answer = Distribution::from_log_likelihoods([-9.0, -7.0, -5.0, -2.0, -1.0, -2.0])?;
//!         let item = item.id.clone();
//!         responses.push(Response { item, variant, answer: Answer::Scored(answer) });
//!     }
//! }
//! let scores = Scores::new(survey, &responses, Readout::Expected)?;
//! let profile = Profile::new(&scores, BootstrapOptions::default())?;
//! assert_eq!(profile.dimensions.len(), 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod canonical;
pub mod check;
pub mod dilemma;
pub mod export;
pub mod instrument;
pub mod judgement;
pub mod place;
pub mod profile;
pub mod random;
pub mod rating;
pub mod shift;
mod simplex;
mod source_text;
pub mod stats;
pub mod target;
pub mod taxonomy;
