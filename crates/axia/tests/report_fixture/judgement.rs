//! Synthetic judgements: made-up verdicts on posts, summed up by the real statistics.

use std::collections::BTreeMap;

use axia::run::{Member, Observation, Role, Steering};
use axia::stage::Compared;
use axia::stage::Summaries;
use axia::stage::judgement::{JudgeSettings, Judged, JudgementSummary, Spread, Ways};
use axia::study::summary::RunSummary;
use axia_values::dilemma::{Dilemma, DilemmaSet, Stance};
use axia_values::instrument::Dimension;
use axia_values::judgement::{VerdictDistribution, VerdictProbabilities, Verdicts};
use axia_values::target::Target;

use super::{Aim, noise, options, run, values};

/// The usual study with judgements of the bundled dilemmas.
pub fn judged_study() -> RunSummary {
    judged("power-study", DilemmaSet::bundled(), &[Aim::power_down(0.8)], false)
}

/// A run over all values, and what its respondents say of `set`.
pub fn judged(name: &str, set: &DilemmaSet, aims: &[Aim], calibrate: bool) -> RunSummary {
    let judgement = judgement(set, aims, calibrate);
    let stages = Summaries { judgement: Some(judgement), ..Summaries::default() };
    RunSummary { stages, ..run(name, &values(), aims) }
}

fn target(aim: &Aim) -> Target {
    Target::new(Dimension::from_key(aim.dimension), aim.direction)
}

fn judgement(set: &DilemmaSet, aims: &[Aim], calibrate: bool) -> JudgementSummary {
    let judge = |name: &str, role: Role, aim: Option<&Aim>| Observation {
        member: Member::trained(role, name, 1, false),
        answers: judged_by(name, set, aim, calibrate),
    };
    let mut judges = vec![judge("base", Role::Base, None), judge("control", Role::Control, None)];
    judges.extend(aims.iter().map(|aim| judge(&aim.name(), Role::Steered, Some(aim))));
    let steerings = aims.iter().map(|aim| Steering {
        name: aim.name(),
        title: aim.title.to_owned(),
        target: target(aim),
    });
    let steerings: Vec<Steering> = steerings.collect();
    let settings = JudgeSettings { ways: Ways::Rotations, calibrate, chat: false };
    let study = Compared { steerings: &steerings, survey: &[], options: options() };
    JudgementSummary::new(set, settings, &judges, &study).expect("comparable")
}

fn judged_by(who: &str, set: &DilemmaSet, aim: Option<&Aim>, calibrate: bool) -> Judged {
    let verdicts: Verdicts = set
        .dilemmas
        .iter()
        .map(|dilemma| (dilemma.id.clone(), verdict(who, dilemma, aim)))
        .collect();
    let spread = 0.05 + 0.01 * noise(who);
    Judged {
        distribution: VerdictDistribution::new(verdicts.values()).expect("some posts"),
        content_free: calibrate
            .then(|| VerdictProbabilities::new([0.5, 0.2, 0.3]).expect("probabilities")),
        spread: Spread { ways: 1.4 * spread, wordings: Some(spread), orders: Some(0.8 * spread) },
        cut: BTreeMap::new(),
        verdicts,
    }
}

/// Steering moves the posts of its target from one stance to the other, those of its neighbours a
/// little, and those of its opposites back.
fn verdict(who: &str, dilemma: &Dilemma, aim: Option<&Aim>) -> VerdictProbabilities {
    let pull = aim.map_or(0.0, |aim| {
        let distance = target(aim).distance(&dilemma.value.into()).unwrap_or(5) as f64;
        -aim.direction.sign() * aim.effect * (0.9 - 0.16 * distance)
    });
    let weigh = |stance: Stance| {
        let own = 0.9 * noise(&format!("{}/{stance}", dilemma.id));
        let mood = 0.12 * noise(&format!("{who}/{}/{stance}", dilemma.id));
        let liking = [0.5, 0.1, -0.6][stance.index()];
        let moved = match stance {
            _ if stance == dilemma.low_stance => pull,
            _ if stance == dilemma.high_stance => -pull,
            _ => 0.0,
        };
        liking + own + mood + moved
    };
    VerdictProbabilities::from_log_likelihoods(Stance::ALL.map(weigh)).expect("finite")
}
