//! `axia data show`: the items of a survey, for reading.

use super::import::Source;
use super::output::{Output, find_dimension, find_facet, is_part};
use crate::cli::failure::print;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::stage_args::read_dilemmas;
use axia_values::dilemma::DilemmaSet;
use axia_values::instrument::{Dimension, Instrument, Item, Split, Variant};
use axia_values::rating::Rating;
use clap::Args;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// List the items of a survey
///
/// Each item comes with its id, value, facet, split and area of life, its statement and its
/// contrast. --rows prints instead the prompts that an item is asked with, one for each
/// combination of instruction and response template; {rating} marks where the answer goes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data show --value power --split test
  axia data show --facet \"be creative\" --rows --limit 1
  axia data show mine.toml --json | jq -r .statement
  axia data show --split test --rows --json > rows.jsonl && axia score --rows rows.jsonl")]
pub struct ShowArgs {
    #[command(flatten)]
    source: Source,
    /// Only items of this value (of any level) or trait
    #[arg(long)]
    value: Option<String>,
    /// Only items of this facet
    #[arg(long)]
    facet: Option<String>,
    /// Only items of this split: train, validation or test
    #[arg(long)]
    split: Option<Split>,
    /// Only the first N items; 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    limit: usize,
    /// Show the full prompts of every item
    #[arg(long)]
    rows: bool,
    /// Print JSON lines: items, or with --rows what `axia score` reads
    #[arg(long)]
    json: bool,
}

/// The items to show.
struct Filter {
    dimension: Option<Dimension>,
    facet: Option<String>,
    split: Option<Split>,
}

impl Filter {
    fn new(args: &ShowArgs, survey: &Instrument) -> Outcome<Self> {
        let value = args.value.as_deref();
        let facet = args.facet.as_deref();
        Ok(Self {
            dimension: value.map(|name| find_dimension(survey, name)).transpose()?,
            facet: facet.map(|name| find_facet(survey, name)).transpose()?,
            split: args.split,
        })
    }

    fn admits(&self, item: &Item) -> bool {
        self.dimension.as_ref().is_none_or(|whole| is_part(&item.dimension, whole))
            && self.facet.as_ref().is_none_or(|facet| item.facet.as_ref() == Some(facet))
            && self.split.is_none_or(|split| item.split == split)
    }
}

/// Runs the command.
pub fn run(args: ShowArgs) -> Outcome {
    let survey = args.source.load()?;
    let filter = Filter::new(&args, &survey)?;
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let matching = survey.items.iter().filter(|item| filter.admits(item));
    let items: Vec<&Item> = matching.take(limit).collect();
    let text = match (args.rows, args.json) {
        (false, false) => items.iter().map(|item| describe(item)).collect(),
        (true, false) => items.iter().map(|item| prompts(&survey, item)).collect(),
        (false, true) => json_lines(items.iter().map(|item| item_line(item))),
        (true, true) => json_lines(items.iter().flat_map(|item| score_lines(&survey, item))),
    };
    print(text.as_bytes())?;
    eprintln!("{} of {} items", items.len(), survey.items.len());
    Ok(())
}

fn describe(item: &Item) -> String {
    let facet = item.facet.as_deref();
    let about =
        [Some(item.dimension.label()), facet, Some(item.split.slug()), item.domain.as_deref()];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    let mut text = format!("{}  {}\n", item.id, about.join(" · "));
    let agreeing = if item.reversed { "  (reverse-keyed)" } else { "" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "    {}{agreeing}", item.statement);
    if let Some(contrast) = &item.contrast {
        let _ = writeln!(text, "    contrast: {contrast}");
    }
    text + "\n"
}

fn prompts(survey: &Instrument, item: &Item) -> String {
    let variants = survey.variants().into_iter();
    let prompts = variants.map(|variant| {
        let Variant { instruction, template } = variant;
        let row = survey.row(item, variant);
        format!(
            "=== {}, instruction {}, template {} ===\n{}{{rating}}{}\n\n",
            item.id,
            instruction + 1,
            template + 1,
            row.prompt(),
            row.after
        )
    });
    prompts.collect()
}

/// An item as `axia data import` reads it.
fn item_line(item: &Item) -> Json {
    let (value, dimension) = match &item.dimension {
        Dimension::Value(value) => (Some(value.slug()), None),
        Dimension::Named(name) => (None, Some(name)),
    };
    json!({
        "id": item.id,
        "value": value,
        "dimension": dimension,
        "facet": item.facet,
        "split": item.split,
        "domain": item.domain,
        "statement": item.statement,
        "contrast": item.contrast,
        "reversed": item.reversed,
    })
}

/// The prompts of an item with their six answers as `axia score` reads them. Instructions and
/// templates count from 0, as everywhere in JSON.
fn score_lines(survey: &Instrument, item: &Item) -> Vec<Json> {
    let variants = survey.variants().into_iter();
    let lines = variants.map(|variant| {
        let row = survey.row(item, variant);
        json!({
            "id": {
                "item": item.id,
                "instruction": variant.instruction,
                "template": variant.template,
            },
            "prompt": row.prompt(),
            "candidates": Rating::ALL.map(|rating| row.completion(rating.get())),
        })
    });
    lines.collect()
}

fn json_lines(lines: impl Iterator<Item = Json>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

/// Convert dilemmas of the public JSON to axia's JSON lines
///
/// Rows that cannot be used (duplicates, equal stances, unknown values) are kept out and listed on
/// standard error, each with its place.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data import-dilemmas aita.json --out aita.jsonl")]
pub struct ImportDilemmasArgs {
    /// File or folder to read
    file: PathBuf,
    /// Name of the set; by default the file's
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Write dilemmas as the public JSON
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  axia data export-dilemmas --out dilemmas.json")]
pub struct ExportDilemmasArgs {
    /// File or folder to read; by default the bundled set
    file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Runs `import-dilemmas`.
pub fn import(args: ImportDilemmasArgs) -> Outcome {
    args.output.check()?;
    let mut set = read_dilemmas(&args.file)?;
    set.name = args.name.unwrap_or(set.name);
    let text = set.to_jsonl().map_err(Failure::input)?;
    args.output.write(text.as_bytes(), &format!("{} dilemmas", set.dilemmas.len()))
}

/// Runs `export-dilemmas`.
pub fn export(args: ExportDilemmasArgs) -> Outcome {
    args.output.check()?;
    let set = match &args.file {
        Some(path) => read_dilemmas(path)?,
        None => DilemmaSet::bundled().clone(),
    };
    let text = set.to_public_json().map_err(Failure::input)?;
    args.output.write(text.as_bytes(), &format!("{} dilemmas", set.dilemmas.len()))
}
