//! `axia data check`: quality control of surveys, dilemmas and games.

use super::check_games::{CheckedGame, check_games};
use super::import::Source;
use crate::cli::failure::print;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::stage_args::read_dilemmas;
use crate::games::{find_own, game_folders};
use anyhow::anyhow;
use axia_values::check::{CheckProfile, CheckReport, DilemmaCheckReport, Report, Severity};
use axia_values::dilemma::DilemmaSet;
use axia_values::instrument::Instrument;
use axia_values::taxonomy::Facet;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

/// Check the quality of a survey, of a set of dilemmas, or of games
///
/// Prints what it consists of and what a careful reviewer would object to: duplicates, texts that
/// name their value, contrasts that merely negate, uneven counts, posts that give a verdict away;
/// in games, lines that cannot work, paths that fail, options without a mark. Without a FILE all
/// that ships with axia is checked. Exits with 1 if there are errors, with 2 if the file cannot be
/// read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data check                          the bundled survey, dilemmas and games
  axia data check mine.toml                a survey of your own
  axia data check dilemmas.jsonl           dilemmas of your own
  axia data check my-games/the-salt-road   a game of your own, or a folder of games
  axia data check mine.csv --profile full  held to the design of the bundled survey
  axia data check mine.toml --json | jq '.findings[] | select(.severity == \"error\")'")]
pub struct CheckArgs {
    #[command(flatten)]
    source: Source,
    /// How strict to be with surveys and dilemmas
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
    let checked = match args.source.file() {
        Some(file) if is_dilemma_set(file) => vec![args.dilemmas(&read_dilemmas(file)?)],
        Some(file) if file.is_dir() => {
            check_games(&game_folders(file)?)?.into_iter().map(Checked::game).collect()
        }
        Some(_) => vec![args.survey()?],
        None => {
            let mut checked = vec![args.survey()?, args.dilemmas(DilemmaSet::bundled())];
            checked.extend(check_games(&find_own(None, &[])?)?.into_iter().map(Checked::game));
            checked
        }
    };
    let text = match (args.json, checked.as_slice()) {
        (true, [one]) => json(&one.json)?,
        (true, all) => json(&by_kind(all))?,
        (false, all) => all.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("\n\n"),
    };
    print(format!("{text}\n").as_bytes())?;
    let failed = checked.iter().filter(|one| one.errors > 0).map(|one| match one.errors {
        1 => format!("`{}` has an error", one.name),
        errors => format!("`{}` has {errors} errors", one.name),
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::failed(anyhow!(failed.join("; ")))) }
}

/// Reports by kind; games are a list.
fn by_kind(checked: &[Checked]) -> BTreeMap<&'static str, Json> {
    let mut kinds = BTreeMap::new();
    for one in checked {
        match kinds.entry(one.kind).or_insert_with(|| Json::Array(Vec::new())) {
            Json::Array(list) if one.kind == GAMES => list.push(one.json.clone()),
            other => *other = one.json.clone(),
        }
    }
    kinds
}

fn json<T: Serialize>(value: &T) -> Outcome<String> {
    serde_json::to_string_pretty(value).map_err(Failure::failed)
}

/// What the JSON of several reports calls those on games.
const GAMES: &str = "games";

/// A report that is ready to be printed.
struct Checked {
    kind: &'static str,
    name: String,
    errors: usize,
    text: String,
    json: Json,
}

impl Checked {
    fn new<S: Serialize>(kind: &'static str, title: &str, report: &Report<S>) -> Self
    where
        Report<S>: Display,
    {
        let strictness = match report.profile {
            CheckProfile::Full => "full",
            CheckProfile::General => "general",
        };
        Self {
            kind,
            name: report.name.clone(),
            errors: report.of(Severity::Error).count(),
            text: format!("{title}, checked with the {strictness} profile\n\n{report}"),
            json: serde_json::to_value(report).unwrap_or_default(),
        }
    }

    fn game(CheckedGame { name, errors, text, json }: CheckedGame) -> Self {
        Self { kind: GAMES, name, errors, text, json }
    }
}

impl CheckArgs {
    fn survey(&self) -> Outcome<Checked> {
        let survey = self.source.load()?;
        let profile = self.profile.resolve(&survey, self.source.is_bundled());
        Ok(Checked::new("survey", &survey.title, &CheckReport::new(&survey, profile)))
    }

    fn dilemmas(&self, set: &DilemmaSet) -> Checked {
        let profile = match self.profile {
            ProfileName::Full => CheckProfile::Full,
            ProfileName::Auto if self.source.is_bundled() => CheckProfile::Full,
            _ => CheckProfile::General,
        };
        Checked::new("dilemmas", &set.name, &DilemmaCheckReport::new(set, profile))
    }
}

/// Whether a path holds dilemmas rather than a survey: a folder with JSON lines, axia's own format
/// by its first line, or the public JSON, whose lists hold posts.
fn is_dilemma_set(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    match ending.as_deref() {
        _ if path.is_dir() => game_folders(path).is_err(),
        Some("jsonl") => first_line(path).is_some_and(|line| line.contains("\"axia-dilemmas\"")),
        Some("json") => fs::read(path).is_ok_and(|bytes| {
            let lists = serde_json::from_slice::<BTreeMap<String, Json>>(&bytes);
            let post = |list: &Json| list.get(0).is_some_and(|row| row.get("post").is_some());
            lists.is_ok_and(|lists| lists.values().any(post))
        }),
        _ => false,
    }
}

/// The beginning of a file, as far as the first line end.
fn first_line(path: &Path) -> Option<String> {
    BufReader::new(File::open(path).ok()?.take(1 << 16)).lines().next()?.ok()
}
