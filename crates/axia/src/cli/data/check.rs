//! `axia data check`: quality control of a survey.

use super::source::Source;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::stdout::print;
use anyhow::anyhow;
use axia_values::check::{CheckProfile, CheckReport, Severity};
use axia_values::instrument::Instrument;
use axia_values::taxonomy::Facet;
use clap::{Args, ValueEnum};

/// Check the quality of a survey
///
/// Prints what the survey consists of and what a careful reviewer would object to: duplicates,
/// statements that name their value, contrasts that merely negate, uneven counts, hard words.
/// Exits with 1 if there are errors, with 2 if the survey cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data check                          the bundled survey
  axia data check mine.toml                a survey of your own
  axia data check mine.csv --profile full  held to the design of the bundled survey
  axia data check mine.toml --json | jq '.findings[] | select(.severity == \"error\")'")]
pub struct CheckArgs {
    #[command(flatten)]
    source: Source,
    /// How strict to be
    #[arg(long, value_enum, default_value_t = ProfileName::Auto)]
    profile: ProfileName,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileName {
    /// full for the bundled survey and for surveys of its design, else general
    Auto,
    /// The design of the bundled survey: 54 facets with 7 train, 2 validation and 2 test items
    Full,
    /// Anyone's survey: only what spoils a measurement is an error
    General,
}

impl ProfileName {
    fn resolve(self, survey: &Instrument, is_bundled: bool) -> CheckProfile {
        match self {
            Self::Full => CheckProfile::Full,
            Self::General => CheckProfile::General,
            Self::Auto if is_bundled || is_of_full_design(survey) => CheckProfile::Full,
            Self::Auto => CheckProfile::General,
        }
    }
}

/// Whether the survey is built on the 54 facets: at least half of them have items. A survey that
/// lacks only some of them is so told which.
fn is_of_full_design(survey: &Instrument) -> bool {
    let occurs =
        |facet: &&Facet| survey.items.iter().any(|item| item.facet.as_deref() == Some(facet.name));
    2 * Facet::ALL.iter().filter(occurs).count() >= Facet::ALL.len()
}

/// Runs the command.
pub fn run(args: CheckArgs) -> Outcome {
    let survey = args.source.load()?;
    let profile = args.profile.resolve(&survey, args.source.is_bundled());
    let report = CheckReport::new(&survey, profile);
    let text = if args.json {
        serde_json::to_string_pretty(&report).map_err(Failure::failed)?
    } else {
        let strictness = match profile {
            CheckProfile::Full => "full",
            CheckProfile::General => "general",
        };
        format!("{}, checked with the {strictness} profile\n\n{report}", survey.title)
    };
    print(format!("{text}\n").as_bytes())?;
    match report.of(Severity::Error).count() {
        0 => Ok(()),
        1 => Err(Failure::failed(anyhow!("`{}` has an error", survey.name))),
        errors => Err(Failure::failed(anyhow!("`{}` has {errors} errors", survey.name))),
    }
}
