//! `axia profile`: the value profile of a respondent.

use super::failure::{Failure, Outcome};
use super::failure::{print, print_json};
use super::respondent_args::{RespondentArgs, with_account};
use super::session::{Compute, Session, StudyBars};
use super::study_args::{limited, load_instrument};
use crate::respondent::{Embedded, Respondent, Shape};
use crate::run::{Follow, RunDir, StudyError};
use crate::stage::survey::{Administration, AnswerMode, SAMPLED, VariantPlan, administer, rows_of};
use crate::study::sha256_of;
use crate::text::plain;
use axia_values::instrument::{Instrument, Split, Variant};
use axia_values::profile::{
    BaselineRule, DimensionScore, Profile, Readout, Scores, baseline_ratings,
};
use axia_values::stats::BootstrapOptions;
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

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
///   axia profile --respondent http://localhost:8000 --served-model qwen3-8b --chat
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ProfileArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id
    #[arg(default_value = super::DEFAULT_MODEL, conflicts_with = "respondent")]
    model: String,
    /// PEFT adapter to apply
    #[arg(long, conflicts_with = "respondent")]
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
    served: RespondentArgs,
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
    let splits: &[Split] = match args.split {
        SplitName::All => &[Split::Train, Split::Validation, Split::Test],
        SplitName::Train => &[Split::Train],
        SplitName::Validation => &[Split::Validation],
        SplitName::Test => &[Split::Test],
    };
    if !instrument.items.iter().any(|item| splits.contains(&item.split)) {
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
    let survey = Survey {
        instrument: &instrument,
        variants,
        rows: rows_of(&instrument, splits, variants),
        how: Administration { chat: args.chat, mode },
    };
    let session = Session::start(&args.compute)?;
    match args.served.given() {
        true => served(&args, &survey, &session),
        false => embedded(&args, &survey, &session),
    }
}

/// What is asked, and how.
struct Survey<'a> {
    instrument: &'a Instrument,
    variants: VariantPlan,
    rows: Vec<(usize, Variant)>,
    how: Administration,
}

/// Profiles a model on this machine.
fn embedded(args: &ProfileArgs, survey: &Survey, session: &Session) -> Outcome {
    let model = session.open_model(&args.model)?;
    let adapter = args.adapter.as_deref().map(|a| model.read_adapter(a)).transpose()?;
    let dir = folder(args, survey, || {
        let weights = sha256_of(model.path())?;
        Ok(json!({"model": args.model, "weights": weights, "adapter": args.adapter}))
    })?;
    let respondent = Embedded::new(&model, adapter);
    let profile = ask(args, survey, &respondent, dir.as_ref(), session)?;
    if let Some(dir) = &dir {
        dir.write("profile.json", &profile)?;
    }
    if args.json { print_json(&profile) } else { print(table(&profile)) }
}

/// Profiles a model behind a server.
fn served(args: &ProfileArgs, survey: &Survey, session: &Session) -> Outcome {
    let dir = folder(args, survey, || Ok(json!({"served": args.served.manifest()})))?;
    let shape = if args.chat { Shape::Chat } else { Shape::Plain };
    let respondent = args.served.connect(shape, dir.as_ref().map(RunDir::path), session)?;
    let asked = ask(args, survey, &respondent, dir.as_ref(), session);
    let profile = asked.map_err(|failure| match &args.out {
        Some(out) => failure.while_cancelling(format!(
            "the answers so far are kept in `{}`; the same command goes on from there",
            out.display()
        )),
        None => failure,
    })?;
    let account = respondent.account();
    let result = with_account(&profile, &account)?;
    if let Some(dir) = &dir {
        dir.write("profile.json", &result)?;
    }
    if args.json {
        return print_json(&result);
    }
    print(plain(&format!("{}{}", table(&profile), account.describe())))
}

/// Gives the survey and reads the answers, which are kept in `dir`.
fn ask(
    args: &ProfileArgs,
    survey: &Survey,
    respondent: &dyn Respondent,
    dir: Option<&RunDir>,
    session: &Session,
) -> Outcome<Profile> {
    let Survey { instrument, rows, how, .. } = survey;
    let mut bars = StudyBars::new(session);
    bars.begin("asking", rows.len());
    let mut progress = |done: usize| {
        bars.advance(done, "");
        !session.cancelled()
    };
    let responses = administer(respondent, instrument, rows, *how, &mut progress)?;
    bars.end();
    let scores = Scores::new(instrument, &responses, args.readout).map_err(StudyError::from)?;
    let options = BootstrapOptions { seed: args.seed, ..BootstrapOptions::default() };
    let profile = Profile::new(&scores, options).map_err(StudyError::from)?;
    if let Some(dir) = dir {
        let ratings = baseline_ratings(instrument, &responses, BaselineRule::Majority, args.seed)
            .map_err(StudyError::from)?;
        let ratings: Vec<_> =
            ratings.iter().map(|(item, rating)| json!({"item": item, "rating": rating})).collect();
        dir.write_lines("responses.jsonl", &responses)?;
        dir.write_lines("ratings.jsonl", &ratings)?;
    }
    Ok(profile)
}

/// The folder for the profile of `who`: opened first, so that an occupied one is not found out at
/// the end.
fn folder(
    args: &ProfileArgs,
    survey: &Survey,
    who: impl FnOnce() -> Outcome<Json>,
) -> Outcome<Option<RunDir>> {
    let Some(out) = &args.out else { return Ok(None) };
    let mut profile = who()?;
    profile["survey"] = json!(survey.instrument.content_hash());
    profile["readout"] = json!(args.readout);
    profile["chat"] = json!(args.chat);
    profile["seed"] = json!(args.seed);
    profile["variants"] = json!(survey.variants);
    profile["limit"] = json!(args.limit);
    profile["split"] = json!(format!("{:?}", args.split));
    Ok(Some(RunDir::open(out, &json!({"format_version": 1, "profile": profile}))?))
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
