//! Games played by models: those of a finished run, or one alone.

use super::PlayArgs;
use super::agent::{Compat, seeds};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::failure::{print, print_json};
use crate::cli::respondent_args::with_account;
use crate::cli::session::{Session, StudyBars};
use crate::games::Location;
use crate::respondent::{Embedded, Shape};
use crate::results;
use crate::run::{Member, Observation, RunDir, StudyError, file_name};
use crate::stage::play::{PlaySettings, PlaySummary, Playing, Turn};
use crate::stage::{Compared, Stage};
use crate::study::summary::RunSummary;
use crate::study::{FinishedRun, model_hashes};
use crate::text::plain;
use anyhow::anyhow;
use axia_values::stats::BootstrapOptions;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Has the respondents of a run play, or a model.
pub fn run(args: &PlayArgs, games: &[Location], session: &Session) -> Outcome {
    if args.compat == Compat::Env {
        return Err(Failure::input(anyhow!(
            "--compat env has no meaning with --agent model: what it logs is for comparing \
             trajectories"
        )));
    }
    if args.served.given() {
        return served(args, games, session);
    }
    let who = args.who.as_deref().unwrap_or(crate::cli::DEFAULT_MODEL);
    let is_run = Path::new(who).join("results.json").exists();
    let (summary, place) = match is_run {
        true => finished(args, games, session, Path::new(who))?,
        false => alone(args, games, session, who)?,
    };
    match args.json {
        true => print_json(&summary),
        false => print(plain(&format!("{}{place}\n", table(&summary)))),
    }
}

fn settings(args: &PlayArgs) -> Outcome<PlaySettings> {
    let defaults = PlaySettings::default();
    let seeds = seeds(args)?;
    Ok(PlaySettings {
        first_seed: *seeds.start(),
        episodes: seeds.end() - seeds.start() + 1,
        max_steps: args.max_steps.unwrap_or(defaults.max_steps),
        ..defaults
    })
}

/// All respondents of a run; the results go into its report.
fn finished(
    args: &PlayArgs,
    games: &[Location],
    session: &Session,
    dir: &Path,
) -> Outcome<(PlaySummary, String)> {
    let mut summary: RunSummary = results::read(dir)?;
    let run = FinishedRun::open(dir, &summary)?.at_scale(args.scale.scale);
    let model = session.open_model(args.model.as_deref().unwrap_or(&summary.model.name))?;
    FinishedRun::check_model(dir, &summary, &model)?;
    let takes_chats = model.chat_template().is_ok();
    let playing = args.playing.resolve(games, settings(args)?, takes_chats)?;
    let mut play = run
        .ask(&playing, &model, &summary.shifts, &mut StudyBars::new(session))
        .map_err(|error| kept(error, dir))?;
    let scale = run.other_scale().map(|scale| ("adapter scale".to_owned(), scale.to_string()));
    play.settings.extend(scale);
    summary.stages.play = Some(play.clone());
    results::write(dir, &summary)?;
    Ok((play, format!("report: {}", dir.join("report.html").display())))
}

/// A model that belongs to no run; its games and their summary go into a folder of their own.
fn alone(
    args: &PlayArgs,
    games: &[Location],
    session: &Session,
    name: &str,
) -> Outcome<(PlaySummary, String)> {
    let model = session.open_model(name)?;
    let takes_chats = model.chat_template().is_ok();
    let playing = args.playing.resolve(games, settings(args)?, takes_chats)?;
    let default = || Path::new("runs").join(format!("play-{}", file_name(short(name))));
    let out: PathBuf = args.out.clone().unwrap_or_else(default);
    let hashes: BTreeMap<String, String> = model_hashes(model.path())?.into_iter().collect();
    let manifest = json!({"format_version": 1, "model": name, "hashes": hashes});
    let dir = RunDir::open(&out, &manifest)?;
    let follow = &mut StudyBars::new(session);
    let turns = playing
        .ask(&dir, "base", &Embedded::new(&model, None), follow)
        .map_err(|error| kept(error, &out))?;
    let summary = summary_of(&playing, "base", turns)?;
    dir.write("play.json", &summary)?;
    Ok((summary, format!("transcripts and play.json: {}", out.display())))
}

/// A model behind a server.
///
/// Its turns are worked out anew from the answers that are kept, so that the account of how they
/// were read covers them all.
fn served(args: &PlayArgs, games: &[Location], session: &Session) -> Outcome {
    let default =
        || Path::new("runs").join(format!("play-{}", file_name(short(args.served.name()))));
    let out: PathBuf = args.out.clone().unwrap_or_else(default);
    let manifest = json!({"format_version": 1, "served": args.served.manifest()});
    let dir = RunDir::open(&out, &manifest)?;
    let respondent = args.served.connect_in_chats(Some(&out), session)?;
    let takes_chats = respondent.account().shape == Shape::Chat;
    let playing = args.playing.resolve(games, settings(args)?, takes_chats)?;
    let scratch = tempfile::tempdir()?;
    let turns = playing
        .ask(&RunDir::reopen(scratch.path())?, "base", &respondent, &mut StudyBars::new(session))
        .map_err(|error| kept(error, &out))?;
    dir.write_lines("turns.jsonl", &turns)?;
    // Under the name that its server gives it: that may be a steered one.
    let summary = summary_of(&playing, args.served.name(), turns)?;
    let account = respondent.account();
    let result = with_account(&summary, &account)?;
    dir.write("play.json", &result)?;
    if args.json {
        return print_json(&result);
    }
    let place = format!("turns.jsonl and play.json: {}", out.display());
    print(plain(&format!("{}{}{place}\n", table(&summary), account.describe())))
}

/// The summary of one player's games.
fn summary_of(playing: &Playing, name: &str, turns: Vec<Turn>) -> Outcome<PlaySummary> {
    let player = Observation { member: Member::alone(name), answers: turns };
    let options = BootstrapOptions::default();
    Ok(playing.summarise(&[player], &Compared { steerings: &[], survey: &[], options })?)
}

/// The last part of a path or hub id.
fn short(name: &str) -> &str {
    name.trim_end_matches('/').rsplit('/').next().unwrap_or(name)
}

fn kept(error: StudyError, dir: &Path) -> Failure {
    match error.is_cancelled() {
        true => Failure::cancelled(anyhow!(
            "the games so far are kept in `{}`; the same command goes on from there",
            dir.display()
        )),
        false => Failure::from(error),
    }
}

/// Measures shown, and their headings.
const SHOWN: [(&str, &str); 4] = [
    ("game.score", "points"),
    ("power.Σ", "power"),
    ("utility.Σ", "disutility"),
    ("violations.Σ", "violations"),
];

/// One line a player, then what steering changed.
fn table(summary: &PlaySummary) -> String {
    let names = summary.players.iter().map(|player| player.name.chars().count());
    let width = names.chain([6]).max().unwrap_or_default();
    let mut text = format!("{:width$}  {:>5}  {:>9}", "player", "games", "decisions");
    for (_, heading) in SHOWN {
        text += &format!("  {heading:>18}");
    }
    text += "  invalid  loops\n";
    for player in &summary.players {
        let decisions = player.decisions;
        text += &format!("{:width$}  {:>5}  {:>9}", player.name, player.episodes, decisions.all);
        for (metric, _) in SHOWN {
            let score = player.measures.iter().find(|m| m.metric == metric).and_then(|m| m.score);
            let cell = score.map_or("–".to_owned(), |e| {
                format!("{:.0} [{:.0}, {:.0}]", e.value, e.low, e.high)
            });
            text += &format!("  {cell:>18}");
        }
        text += &format!("  {:>7}  {:>5}\n", decisions.invalid, decisions.loop_breaks);
    }
    for shift in &summary.shifts {
        text += &format!("{}, change against the control\n", shift.title);
        for (metric, heading) in SHOWN {
            let change = shift.measures.iter().find(|m| m.metric == metric);
            if let Some(e) = change.and_then(|m| m.change) {
                text +=
                    &format!("  {heading:12} {:+.0} [{:+.0}, {:+.0}]\n", e.value, e.low, e.high);
            }
        }
        if let Some(agreement) = &shift.agreement {
            let e = agreement.correlation;
            text += &format!(
                "  survey and play agree with r = {:.2} [{:.2}, {:.2}] over {} values\n",
                e.value,
                e.low,
                e.high,
                agreement.points.len()
            );
        }
    }
    text += "\nPoints in percent of all points; power, disutility and violations in percent of \
             random play;\n95 % intervals over games and seeds.\n";
    for (name, value) in &summary.settings {
        text += &format!("  {name}: {value}\n");
    }
    text
}
