//! `axia judge --respondent`: moral judgements of one model behind a server.

use super::failure::Outcome;
use super::failure::{print, print_json};
use super::judge::{DEFAULTS, JudgeArgs, kept};
use super::respondent_args::with_account;
use super::session::{Session, StudyBars};
use crate::respondent::Shape;
use crate::run::{RunDir, file_name};
use crate::stage::Stage;
use crate::stage::judgement::AloneJudgement;
use crate::text::plain;
use axia_values::dilemma::Stance;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Has the model judge; the results go into a folder of their own.
///
/// Its verdicts are worked out anew from the answers that are kept, so that the account of how they
/// were read covers them all.
pub fn run(args: &JudgeArgs, session: &Session) -> Outcome {
    let judging = args.judging.untargeted(DEFAULTS.ways, args.seed, args.chat)?;
    let default = || Path::new("runs").join(format!("judge-{}", file_name(args.served.name())));
    let out: PathBuf = args.out.clone().unwrap_or_else(default);
    let manifest = json!({
        "format_version": 1,
        "judge": {"served": args.served.manifest(), "asked": judging.manifest()},
    });
    let dir = RunDir::open(&out, &manifest)?;
    let shape = if args.chat { Shape::Chat } else { Shape::Plain };
    let respondent = args.served.connect(shape, Some(&out), session)?;
    let scratch = tempfile::tempdir()?;
    let judged = judging
        .ask(
            &RunDir::reopen(scratch.path())?,
            args.served.name(),
            &respondent,
            &mut StudyBars::new(session),
        )
        .map_err(|error| kept(error, &out))?;
    let judgement = AloneJudgement::new(&judging, judged);
    let account = respondent.account();
    let result = with_account(&judgement, &account)?;
    dir.write("judgement.json", &result)?;
    if args.json {
        return print_json(&result);
    }
    let place = format!("judgement.json: {}", out.display());
    print(plain(&format!("{}{}{place}\n", table(&judgement), account.describe())))
}

fn table(judgement: &AloneJudgement) -> String {
    let mut text = format!(
        "{:34} {:>5} {:>6} {:>6} {:>8} {:>6} {:>6}\n",
        "value of the post", "posts", "NTA", "YTA", "Neutral", "high", "low"
    );
    for row in &judgement.values {
        let [nta, yta, neutral] = row.mean.probabilities();
        text += &format!(
            "{:34} {:>5} {nta:>6.3} {yta:>6.3} {neutral:>8.3} {:>6.3} {:>6.3}\n",
            row.value.to_string(),
            row.posts,
            row.high,
            row.low
        );
    }
    let all = &judgement.distribution;
    let p = |stance| all.mean.probability(stance);
    text + &format!(
        "{:34} {:>5} {:>6.3} {:>6.3} {:>8.3}\nMean probabilities; high and low: of the verdict of \
         people high and low on the value\n",
        "all",
        all.judgements,
        p(Stance::Nta),
        p(Stance::Yta),
        p(Stance::Neutral)
    )
}
