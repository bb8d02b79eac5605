//! `axia data build-dilemmas`: moral dilemmas from dumps of a subreddit.

use crate::cli::failure::{Failure, Outcome};
use crate::cli::failure::{print, print_json};
use crate::cli::respondent_args::Rate;
use crate::cli::respondent_args::client_settings;
use crate::cli::session::{Compute, Session, bar};
use crate::dilemmas::annotate::{
    AnnotationSettings, Annotator, RemoteAnnotator, RespondentAnnotator, annotate, prompts,
};
use crate::dilemmas::{
    BuildFolder, Card, FilterSettings, FilterSummary, FinishSettings, filter, finish, sample,
};
use crate::remote::{Address, ApiKey, ChatModel, Client, ClientSettings};
use crate::respondent::Embedded;
use crate::study::sha256_of;
use anyhow::anyhow;
use clap::{ArgGroup, Args};
use indicatif::ProgressBar;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Where the key of an annotator's server is.
const KEY: &str = "AXIA_ANNOTATOR_KEY";

/// Broken lines that are shown; filter.json has more.
const SHOWN: usize = 3;

/// Digits of a model's hash that tell it from others.
const HASH_DIGITS: usize = 12;

/// Build a set of moral dilemmas from dumps of r/AmItheAsshole
///
/// Reads dumps of submissions as Pushshift and Arctic Shift write them: one JSON object a line,
/// plain or packed with gzip, zstd (long windows too) or bzip2. Drops what is no judgeable post
/// (deleted, too short, too long, about the forum, updates, other languages, duplicates), cleans
/// the rest of links, names, edits and hints at the verdict, has a model annotate each post with
/// the value at its centre and the verdicts of people high and low on it, and draws a balanced set.
///
/// Everything goes into the folder --out: candidates.jsonl and filter.json (posts that passed, and
/// why the others did not), annotations.jsonl and set_aside.jsonl (as they come), dilemmas.jsonl
/// (the set), card.md and card.json (counts at every stage, agreement, label balance, hashes). The
/// same command goes on where it was stopped, without asking about any post twice.
///
/// The key of the annotator's server is read from AXIA_ANNOTATOR_KEY; for OpenAI's own server from
/// OPENAI_API_KEY, if that is not set.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("end").required(true)
        .args(["annotator", "model", "filter_only", "dry_run"]).multiple(true),
    after_help = "\
Examples:
  axia data build-dilemmas RS_2019.zst RS_2020.zst --out aita --filter-only
  axia data build-dilemmas AmItheAsshole_submissions.zst --out aita --dry-run --limit 100
  axia data build-dilemmas AmItheAsshole_submissions.zst --out aita --limit 20000 \\
      --annotator http://localhost:8000/v1 --annotator-model qwen3-32b --votes 3 --concurrency 16
  axia data build-dilemmas dump.ndjson.gz --out aita --model ./my-model --limit 500"
)]
pub struct BuildDilemmasArgs {
    /// Dumps, in the order in which the first of like posts counts
    #[arg(required = true, value_name = "DUMP")]
    dumps: Vec<PathBuf>,
    /// Folder of the build
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the data card (or the filter's summary) as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    annotation: Annotation,
    #[command(flatten)]
    draw: Draw,
    #[command(flatten)]
    compute: Compute,
}

/// Which posts are taken.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters")]
struct Filters {
    /// Subreddit whose posts are taken
    #[arg(long, value_name = "NAME", default_value = "AmItheAsshole")]
    subreddit: String,
    /// Fewest words of a text
    #[arg(long, value_name = "N", default_value_t = 80)]
    min_words: usize,
    /// Most words of a text
    #[arg(long, value_name = "N", default_value_t = 600)]
    max_words: usize,
    /// Take texts in other languages than English, too
    #[arg(long)]
    any_language: bool,
    /// Stop after the filters
    #[arg(long, conflicts_with_all = ["annotator", "model", "dry_run"])]
    filter_only: bool,
}

/// Who annotates, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Annotation")]
struct Annotation {
    /// Address of an OpenAI-compatible server
    #[arg(long, value_name = "URL", requires = "annotator_model", conflicts_with = "model")]
    annotator: Option<Address>,
    /// Model to ask there
    #[arg(long, value_name = "NAME", requires = "annotator")]
    annotator_model: Option<String>,
    /// Model to ask on this machine instead: a folder, a .gguf file, a known name or a hub id
    #[arg(long)]
    model: Option<String>,
    /// Write the prompts to prompts.jsonl instead of asking anybody
    #[arg(long, conflicts_with_all = ["annotator", "model"])]
    dry_run: bool,
    /// Most posts to ask about, drawn at random; a larger number later goes on with more
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Answers asked for about each post; the majority counts
    #[arg(long, value_name = "N", default_value_t = 1)]
    votes: usize,
    /// Posts asked about at once
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "model")]
    concurrency: usize,
    /// Most requests a minute, such as 60 or 60/min
    #[arg(long, value_name = "N/min", requires = "annotator")]
    rate: Option<Rate>,
    /// Longest time to wait for one answer [default: 600, and 300 of silence]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1_000_000), requires = "annotator")]
    answer_timeout: Option<u64>,
}

/// How the set is drawn.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Set")]
struct Draw {
    /// Most dilemmas of a basic value
    #[arg(long, value_name = "N", default_value_t = 500)]
    cap: usize,
    /// Seed of all that is drawn: posts for --limit, answers, dilemmas for --cap
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

/// Runs the command.
pub fn run(args: BuildDilemmasArgs) -> Outcome {
    check(&args)?;
    let session = Session::start(&args.compute)?;
    let folder = BuildFolder::open(&args.out)?;
    let summary = run_filter(&args, &folder, &session)?;
    tell(&summary);
    if args.filters.filter_only {
        return show_filter(&args, &summary);
    }
    let posts = match args.annotation.limit {
        Some(limit) => sample(&folder, limit, args.draw.seed)?,
        None => folder.candidates(),
    };
    if args.annotation.dry_run {
        let count = prompts(&posts, folder.path()).map_err(Failure::from)?;
        eprintln!("wrote {count} prompts to `{}`", folder.path().join("prompts.jsonl").display());
        return show_filter(&args, &summary);
    }
    let limit = args.annotation.limit.map_or(u64::MAX, |limit| limit as u64);
    let total = summary.counts.candidates.min(limit);
    let settings = run_annotation(&args, &posts, &folder, total, &session)?;
    let draw = FinishSettings { cap: args.draw.cap, seed: args.draw.seed };
    let card = finish(&folder, &summary, &settings, draw)?;
    if card.dilemmas.is_none() {
        let message = "the annotator gave no usable annotation; set_aside.jsonl says why";
        return Err(Failure::failed(anyhow!(message)));
    }
    eprintln!("wrote `{}`", folder.path().join("card.md").display());
    if args.json { print_json(&card) } else { print(table(&card)) }
}

fn check(args: &BuildDilemmasArgs) -> Outcome {
    let counts = [
        ("--limit", args.annotation.limit.unwrap_or(1)),
        ("--votes", args.annotation.votes),
        ("--concurrency", args.annotation.concurrency),
        ("--cap", args.draw.cap),
    ];
    match counts.into_iter().find(|(_, count)| *count == 0) {
        Some((flag, _)) => Err(Failure::input(anyhow!("{flag} must be at least 1"))),
        None => Ok(()),
    }
}

fn run_filter(
    args: &BuildDilemmasArgs,
    folder: &BuildFolder,
    session: &Session,
) -> Outcome<FilterSummary> {
    let settings = FilterSettings {
        subreddit: args.filters.subreddit.clone(),
        min_words: args.filters.min_words,
        max_words: args.filters.max_words,
        english_only: !args.filters.any_language,
        ..FilterSettings::default()
    };
    let threads = args.compute.threads.or(available_parallelism().ok().map(usize::from));
    let bytes = args.dumps.iter().filter_map(|dump| dump.metadata().ok()).map(|file| file.len());
    let bar = bar("filtering", bytes.sum(), "bytes");
    let mut progress = |read: usize| {
        bar.set_position(read as u64);
        !session.cancelled()
    };
    let summary = filter(&args.dumps, &settings, folder, threads.unwrap_or(1), &mut progress);
    bar.finish_and_clear();
    Ok(summary?)
}

/// Warns of what could not be read.
fn tell(summary: &FilterSummary) {
    for file in &summary.inputs {
        if let Some(damage) = &file.damage {
            let (path, bytes) = (file.path.display(), file.unpacked_bytes);
            eprintln!("warning: `{path}` cannot be unpacked beyond byte {bytes}: {damage}");
        }
    }
    for line in summary.broken_lines.iter().take(SHOWN) {
        eprintln!("warning: {line}");
    }
    let broken = summary.counts.broken;
    if broken > SHOWN as u64 {
        eprintln!("warning: {broken} broken lines in all; filter.json lists the first of them");
    }
}

fn show_filter(args: &BuildDilemmasArgs, summary: &FilterSummary) -> Outcome {
    if args.json {
        return print_json(summary);
    }
    let counts = &summary.counts;
    let mut rows =
        vec![("lines", counts.lines), ("blank", counts.blank), ("broken", counts.broken)];
    rows.extend(counts.dropped.iter().map(|(reason, count)| (reason.label(), *count)));
    rows.push(("candidates", counts.candidates));
    print(
        rows.into_iter()
            .map(|(what, count)| format!("{what:26} {count:>10}\n"))
            .collect::<String>(),
    )
}

/// Asks the annotator about all posts that it has not been asked about; gives how it was asked.
fn run_annotation(
    args: &BuildDilemmasArgs,
    posts: &Path,
    folder: &BuildFolder,
    total: u64,
    session: &Session,
) -> Outcome<AnnotationSettings> {
    let wanted = &args.annotation;
    let bar = bar("annotating", total, "posts");
    let settings = |name: String, workers| AnnotationSettings {
        votes: wanted.votes,
        seed: args.draw.seed,
        workers,
        ..AnnotationSettings::new(name)
    };
    if let (Some(address), Some(name)) = (&wanted.annotator, &wanted.annotator_model) {
        let annotator = remote(wanted, address.clone(), name, &bar)?;
        let settings = settings(name.clone(), wanted.concurrency);
        ask(posts, &annotator, &settings, folder, &bar, session)?;
        return Ok(settings);
    }
    let name = wanted.model.as_deref().unwrap_or(crate::cli::DEFAULT_MODEL);
    let model = session.open_model(name)?;
    let hash = sha256_of(model.path())?;
    let embedded = Embedded::new(&model, None);
    let annotator = RespondentAnnotator::new(&embedded);
    // The engine uses all cores for one post.
    let hash: String = hash.chars().take(HASH_DIGITS).collect();
    let settings = settings(format!("{name} ({hash})"), 1);
    ask(posts, &annotator, &settings, folder, &bar, session)?;
    Ok(settings)
}

/// The annotator behind a server.
fn remote(
    wanted: &Annotation,
    address: Address,
    name: &str,
    bar: &ProgressBar,
) -> Outcome<RemoteAnnotator> {
    let key = ApiKey::for_server(KEY, &address).map_err(Failure::input)?;
    let settings = ClientSettings {
        per_minute: wanted.rate.map(Rate::per_minute),
        ..client_settings(wanted.answer_timeout)
    };
    let bar = bar.clone();
    let client = Client::new(address, key, settings).with_notes(move |note| {
        // A bar that is not drawn swallows what is printed above it.
        bar.suspend(|| eprintln!("{note}"));
    });
    Ok(RemoteAnnotator::new(ChatModel::new(client, name)))
}

fn ask(
    posts: &Path,
    annotator: &dyn Annotator,
    settings: &AnnotationSettings,
    folder: &BuildFolder,
    bar: &ProgressBar,
    session: &Session,
) -> Outcome {
    let mut progress = |done: usize| {
        bar.set_position(done as u64);
        !session.cancelled()
    };
    let asked = annotate(posts, annotator, settings, folder.path(), &mut progress);
    bar.finish_and_clear();
    let found = asked.map_err(Failure::from)?;
    eprintln!(
        "annotated {} posts, set {} aside, {} were done before; {} questions asked",
        found.annotated, found.set_aside, found.already, found.questions
    );
    Ok(())
}

fn table(card: &Card) -> String {
    let mut text = format!("{:16} {:>10} {:>10}\n", "basic value", "annotated", "in the set");
    let Some(set) = &card.dilemmas else { return text };
    for row in &set.basic {
        text += &format!("{:16} {:>10} {:>10}\n", row.value, row.annotated, row.dilemmas);
    }
    text + &format!("{:16} {:>10} {:>10}\n", "all", set.annotated, set.dilemmas)
}
