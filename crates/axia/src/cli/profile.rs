//! `axia profile`: the value profile of a respondent.

use super::failure::{Failure, Outcome};
use super::session::{Compute, Session, StudyBars};
use super::stdout::{print, print_json};
use super::study_args::{limited, load_instrument};
use crate::respondent::Embedded;
use crate::study::survey::{Administration, AnswerMode, SAMPLED, administer};
use crate::study::{Follow, RunDir, StudyError, VariantPlan, sha256_of};
use axia_engine::Model;
use axia_values::instrument::{Instrument, Item, Split};
use axia_values::profile::{
    BaselineRule, DimensionScore, Profile, Readout, Scores, baseline_ratings,
};
use axia_values::stats::BootstrapOptions;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Items asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    Train,
    Validation,
    Test,
    All,
}

/// Ways of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ways {
    /// Every instruction with every template
    All,
    /// Every instruction with three templates
    Few,
}

/// Profile a model's values with a survey
///
/// Prints mean ratings (1 to 6) with 95 % intervals, mean-centred scores, ranks, and how much the
/// answers depend on the wording. --out DIR keeps profile.json, every answer (responses.jsonl) and
/// the majority rating of every item (ratings.jsonl).
///
/// Examples:
///   axia profile
///   axia profile ./my-model --adapter runs/power/adapters/power-down --json
///   axia profile --survey valuebench.csv --questionnaire PVQ40
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ProfileArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id
    #[arg(default_value = super::DEFAULT_MODEL)]
    model: String,
    /// PEFT adapter to apply
    #[arg(long)]
    adapter: Option<PathBuf>,
    /// Survey: an instrument file; by default the bundled one
    #[arg(long)]
    survey: Option<PathBuf>,
    /// Questionnaire of a ValueBench file
    #[arg(long, requires = "survey")]
    questionnaire: Option<String>,
    /// Items to ask
    #[arg(long, value_enum, default_value = "test")]
    split: SplitName,
    /// How ratings are read out: expected, argmax or sampled
    #[arg(long, default_value = "expected")]
    readout: Readout,
    /// Ways of asking each item
    #[arg(long, value_enum, default_value = "all")]
    variants: Ways,
    /// Put questions in the model's chat format
    #[arg(long)]
    chat: bool,
    /// Most items per split, spread over the survey
    #[arg(long)]
    limit: Option<usize>,
    /// Seed of sampled answers and of the bootstrap
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder for profile.json, responses.jsonl and ratings.jsonl
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the profile as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

/// Runs the command.
pub fn run(args: ProfileArgs) -> Outcome {
    let instrument = load_instrument(args.survey.as_deref(), args.questionnaire.as_deref())?;
    if args.limit == Some(0) {
        return Err(Failure::input(anyhow::anyhow!("--limit must be at least 1 item per split")));
    }
    let instrument = limited(instrument, args.limit);
    let session = Session::start(&args.compute)?;
    let model = session.open_model(&args.model)?;
    let adapter = args.adapter.as_deref().map(|a| model.read_adapter(a)).transpose()?;
    let respondent = Embedded::new(&model, adapter);
    let wanted = |item: &Item| match args.split {
        SplitName::All => true,
        SplitName::Train => item.split == Split::Train,
        SplitName::Validation => item.split == Split::Validation,
        SplitName::Test => item.split == Split::Test,
    };
    let items: Vec<(usize, &Item)> =
        instrument.items.iter().enumerate().filter(|(_, item)| wanted(item)).collect();
    if items.is_empty() {
        let message =
            format!("the survey `{}` has no items in this split; try --split all", instrument.name);
        return Err(Failure::input(anyhow::anyhow!(message)));
    }
    let mode = match (args.readout, SAMPLED) {
        (Readout::Sampled, AnswerMode::Sampled { temperature, repetitions, .. }) => {
            AnswerMode::Sampled { temperature, repetitions, seed: args.seed }
        }
        _ => AnswerMode::Scored,
    };
    let variants = match args.variants {
        Ways::All => VariantPlan::All,
        Ways::Few => VariantPlan::Spread(3),
    };
    let dir = args.out.as_deref().map(|out| folder(out, &args, &model, &instrument, variants));
    let dir = dir.transpose()?;
    let how = Administration { chat: args.chat, mode, variants };
    let mut bars = StudyBars::new(&session);
    bars.begin("asking", items.len() * variants.per_item(&instrument));
    let mut progress = |done: usize| {
        bars.advance(done, "");
        !session.cancelled()
    };
    let responses = administer(&respondent, &instrument, &items, how, &mut progress)?;
    bars.end();
    let scores = Scores::new(&instrument, &responses, args.readout).map_err(StudyError::from)?;
    let options = BootstrapOptions { seed: args.seed, ..BootstrapOptions::default() };
    let profile = Profile::new(&scores, options).map_err(StudyError::from)?;
    if let Some(dir) = &dir {
        let ratings = baseline_ratings(&instrument, &responses, BaselineRule::Majority, args.seed)
            .map_err(StudyError::from)?;
        let ratings: Vec<_> =
            ratings.iter().map(|(item, rating)| json!({"item": item, "rating": rating})).collect();
        dir.write_lines("responses.jsonl", &responses)?;
        dir.write_lines("ratings.jsonl", &ratings)?;
        dir.write("profile.json", &profile)?;
    }
    if args.json { print_json(&profile) } else { print(table(&profile)) }
}

/// The folder for the profile: opened first, so that an occupied one is not found out at the end.
fn folder(
    out: &Path,
    args: &ProfileArgs,
    model: &Model,
    instrument: &Instrument,
    variants: VariantPlan,
) -> Outcome<RunDir> {
    let manifest = json!({
        "format_version": 1,
        "profile": {"model": args.model, "weights": sha256_of(model.path())?,
            "adapter": args.adapter, "survey": instrument.content_hash(),
            "readout": args.readout, "chat": args.chat, "seed": args.seed,
            "variants": variants, "limit": args.limit, "split": format!("{:?}", args.split)},
    });
    Ok(RunDir::open(out, &manifest)?)
}

fn table(profile: &Profile) -> String {
    let mut text = format!(
        "{:34} {:>5} {:>15} {:>8} {:>4}  {:>11} {:>8}\n",
        "value", "mean", "95 % interval", "centred", "rank", "instruction", "template"
    );
    let kinds = [&profile.dimensions, &profile.basic, &profile.higher];
    for kind in kinds.into_iter().filter(|k| !k.is_empty()) {
        for score in kind {
            text += &line(score);
        }
        text += "\n";
    }
    text += &format!(
        "{} items, {} answers, {} invalid; readout: {}; the last two columns are standard \
         deviations over wordings\n",
        profile.items, profile.replies, profile.invalid, profile.readout
    );
    text
}

fn line(score: &DimensionScore) -> String {
    let sd = |sd: Option<f64>| sd.map_or("–".to_owned(), |sd| format!("{sd:.2}"));
    format!(
        "{:34} {:>5.2} {:>15} {:>+8.2} {:>4}  {:>11} {:>8}\n",
        score.dimension.label(),
        score.mean.value,
        format!("[{:.2}, {:.2}]", score.mean.low, score.mean.high),
        score.centred.value,
        score.rank,
        sd(score.instruction_sd),
        sd(score.template_sd)
    )
}
