//! `axia judge`: moral judgements of the respondents of finished runs.

use super::failure::{Failure, Outcome};
use super::failure::{print, print_json};
use super::judge_alone;
use super::respondent_args::RespondentArgs;
use super::scale::ScaleArgs;
use super::session::{Compute, Session, StudyBars};
use super::stage_args::{JudgingArgs, JudgingDefaults};
use crate::results;
use crate::run::StudyError;
use crate::stage::judgement::{JudgementSummary, Ways};
use crate::study::FinishedRun;
use crate::study::summary::RunSummary;
use anyhow::anyhow;
use axia_values::judgement::{GainMatrix, GainSummary, JudgementShift};
use axia_values::stats::SampleSummary;
use axia_values::target::Target;
use clap::Args;
use std::path::{Path, PathBuf};

pub(super) const DEFAULTS: JudgingDefaults = JudgingDefaults { posts: None, ways: Ways::Rotations };

/// Have the respondents of runs judge moral dilemmas
///
/// Every respondent of a run (base, control, steered) reads posts in which people ask whether they
/// were in the wrong, and the probabilities of three verdicts are compared. The results go into
/// each run's results.json and report. Several runs give the matrix of steered values × values of
/// posts. With --respondent one model behind a server judges, without a run.
///
/// Examples:
///   axia judge runs/universalism-nature
///   axia judge runs/face --dilemmas my-dilemmas.jsonl --calibrate
///   axia judge runs/* --matrix matrix.html
///   axia judge runs/face --scale 0.5
///   axia judge --respondent http://localhost:8000 --served-model qwen3-8b --chat
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct JudgeArgs {
    /// Folders of finished runs
    #[arg(required_unless_present = "respondent", conflicts_with = "respondent")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) judging: JudgingArgs,
    /// Put questions in the model's chat format
    #[arg(long)]
    pub(super) chat: bool,
    /// Model, if it is no longer where the run found it
    #[arg(long, conflicts_with = "respondent")]
    model: Option<String>,
    #[command(flatten)]
    scale: ScaleArgs,
    /// Seed of the choice of posts
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Folder for the judgements of a model behind a server [default: runs/judge-NAME]
    #[arg(long, requires = "respondent")]
    pub(super) out: Option<PathBuf>,
    /// Where the matrix of several runs goes
    #[arg(long, default_value = "matrix.html")]
    matrix: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) served: RespondentArgs,
    #[command(flatten)]
    compute: Compute,
}

/// Runs the command.
pub fn run(args: JudgeArgs) -> Outcome {
    if args.served.given() && args.scale.scale != 1.0 {
        let message = "--scale turns adapters of runs; a model behind a server is asked as it is";
        return Err(Failure::input(anyhow!(message)));
    }
    let session = Session::start(&args.compute)?;
    if args.served.given() {
        return judge_alone::run(&args, &session);
    }
    let mut summaries = Vec::new();
    for dir in &args.runs {
        summaries.push(judge_run(&args, &session, dir)?);
    }
    let shifts: Vec<JudgementShift> = summaries
        .iter()
        .flat_map(|summary| summary.shifts.iter().map(|shift| shift.against_control.clone()))
        .collect();
    if args.runs.len() > 1 {
        let matrix = GainMatrix::refined(&shifts)
            .map_err(|error| Failure::input(error).while_trying("make the matrix"))?;
        results::write_matrix(&args.matrix, &matrix, "Steered values × values of posts")?;
    }
    if args.json {
        return print_json(&summaries);
    }
    let mut text = String::new();
    for (dir, summary) in args.runs.iter().zip(&summaries) {
        text += &format!("{}\n{}", dir.display(), table(summary));
        text += &format!("  report: {}\n", dir.join("report.html").display());
    }
    if args.runs.len() > 1 {
        text += &format!("matrix: {}\n", args.matrix.display());
    }
    print(text)
}

fn judge_run(args: &JudgeArgs, session: &Session, dir: &Path) -> Outcome<JudgementSummary> {
    let mut summary: RunSummary = results::read(dir)?;
    let run = FinishedRun::open(dir, &summary)?.at_scale(args.scale.scale);
    let targets: Vec<&Target> = run.steerings.iter().map(|steering| &steering.target).collect();
    let judging = args.judging.resolve(DEFAULTS, &targets, args.seed, args.chat)?;
    let Some(judging) = judging else {
        return Err(Failure::input(anyhow!(
            "`{}` has nothing to be judged: it steers no value, or --posts is 0",
            dir.display()
        )));
    };
    let model = session.open_model(args.model.as_deref().unwrap_or(&summary.model.name))?;
    FinishedRun::check_model(dir, &summary, &model)?;
    let mut judged = run
        .ask(&judging, &model, &summary.shifts, &mut StudyBars::new(session))
        .map_err(|error| kept(error, dir))?;
    judged.scale = run.other_scale();
    summary.stages.judgement = Some(judged.clone());
    results::write(dir, &summary)?;
    Ok(judged)
}

pub(super) fn kept(error: StudyError, dir: &Path) -> Failure {
    match error.is_cancelled() {
        true => Failure::cancelled(anyhow!(
            "the judgements so far are kept in `{}`; the same command goes on from there",
            dir.display()
        )),
        false => Failure::from(error),
    }
}

/// The gains in a few lines.
pub fn table(summary: &JudgementSummary) -> String {
    let mut text = format!("{} posts judged ({})\n", summary.posts, summary.dilemmas);
    for shift in &summary.shifts {
        text += &format!("{}, probability gain against the control\n", shift.title);
        let gains = &shift.against_control;
        let rows = [
            ("posts of its value", gains.on_target.as_ref()),
            ("other posts", gains.off_target.as_ref()),
            ("all posts", Some(&gains.overall)),
        ];
        for (label, gain) in rows {
            if let Some(GainSummary { full, strict }) = gain {
                text += &format!("  {label:20} {}   strict {}\n", gain_of(full), gain_of(strict));
            }
        }
    }
    text
}

fn gain_of(sample: &SampleSummary) -> String {
    let e = &sample.weighted;
    let note = if sample.underpowered { ", underpowered" } else { "" };
    format!(
        "{:+.3} [{:+.3}, {:+.3}] (n {}, p {:.3}{note})",
        e.value, e.low, e.high, sample.clusters, sample.p_positive
    )
}
