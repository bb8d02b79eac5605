//! The shift of one or several training runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Gain, GainSummary, JudgementError, JudgementRun, JudgementShift, Mover, ValueGain,
    VerdictDistribution, VerdictProbabilities, VerdictShift, probability_gain,
};
use crate::dilemma::{Dilemma, DilemmaSet};
use crate::stats::{BootstrapOptions, Sample, Strata, benjamini_hochberg, mean};
use crate::target::Direction;
use crate::taxonomy::{BasicValue, RefinedValue, Value};

/// A dilemma that every respondent judged, with one entry a run.
struct Judged<'a> {
    dilemma: &'a Dilemma,
    cluster: String,
    control: Vec<VerdictProbabilities>,
    steered: Vec<VerdictProbabilities>,
    gains: Vec<Gain>,
}

/// Judged dilemmas and how to summarise them.
struct Comparison<'a> {
    judged: Vec<Judged<'a>>,
    seeds: Vec<u64>,
    options: BootstrapOptions,
}

impl JudgementShift {
    /// Compares the steered verdicts with the control's, dilemma by dilemma. `target` are the
    /// refined values that were steered, all in one direction; none if nothing was steered, as
    /// between a base and a control. Give one run for each training seed.
    ///
    /// Intervals come from a bootstrap of posts: all verdicts on a post stay together, also where
    /// it stands under several values. With several runs, seeds are resampled as well. The
    /// one-sided test for a mean above zero is the bootstrap test of
    /// [`Sample::summarise`].
    ///
    /// # Errors
    /// [`JudgementError`] for verdicts that cannot be compared.
    pub fn new(
        runs: &[JudgementRun<'_>],
        set: &DilemmaSet,
        target: &[RefinedValue],
        direction: Direction,
        options: BootstrapOptions,
    ) -> Result<Self, JudgementError> {
        check(runs, set)?;
        let target: BTreeSet<RefinedValue> = target.iter().copied().collect();
        let (judged, excluded) = judge(runs, set, direction);
        let seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
        let comparison = Comparison { judged, seeds, options };
        let is_target = |row: &Judged<'_>| target.contains(&row.dilemma.value);
        let overall = comparison.gain(|_| true).ok_or(JudgementError::NoPosts)?;
        let verdicts = comparison.verdicts(|_| true).ok_or(JudgementError::NoPosts)?;
        let refined = RefinedValue::ALL.map(Value::Refined);
        let basic = BasicValue::ALL.map(Value::Basic);
        Ok(Self {
            format_version: Self::FORMAT_VERSION,
            dilemmas: set.name.clone(),
            direction,
            judged: comparison.judged.len(),
            excluded,
            on_target: comparison.gain(is_target),
            off_target: comparison.gain(|row| !is_target(row)),
            overall,
            refined: comparison.by_value(&refined, &target),
            basic: comparison.by_value(&basic, &target),
            verdicts,
            target_verdicts: comparison.verdicts(is_target),
            movers: comparison.movers(),
            target: target.into_iter().collect(),
            seeds: comparison.seeds,
        })
    }
}

fn check(runs: &[JudgementRun<'_>], set: &DilemmaSet) -> Result<(), JudgementError> {
    if runs.is_empty() {
        return Err(JudgementError::NoRuns);
    }
    set.validate().map_err(|error| JudgementError::Dilemmas { problem: error.to_string() })?;
    let ids: BTreeSet<&str> = set.dilemmas.iter().map(|dilemma| dilemma.id.as_str()).collect();
    let mut seeds = BTreeSet::new();
    for run in runs {
        if !seeds.insert(run.seed) {
            return Err(JudgementError::DuplicateSeed { seed: run.seed });
        }
        let mut answered = run.control.keys().chain(run.steered.keys());
        if let Some(id) = answered.find(|id| !ids.contains(id.as_str())) {
            return Err(JudgementError::UnknownPost { id: id.clone() });
        }
    }
    Ok(())
}

/// The dilemmas that every respondent judged, and the ids of the others.
fn judge<'a>(
    runs: &[JudgementRun<'_>],
    set: &'a DilemmaSet,
    direction: Direction,
) -> (Vec<Judged<'a>>, Vec<String>) {
    let mut judged = Vec::new();
    let mut excluded = Vec::new();
    for dilemma in &set.dilemmas {
        match judge_one(runs, dilemma, direction) {
            Some(row) => judged.push(row),
            None => excluded.push(dilemma.id.clone()),
        }
    }
    (judged, excluded)
}

fn judge_one<'a>(
    runs: &[JudgementRun<'_>],
    dilemma: &'a Dilemma,
    direction: Direction,
) -> Option<Judged<'a>> {
    let all = |of: fn(&JudgementRun<'_>, &str) -> Option<VerdictProbabilities>| {
        runs.iter().map(|run| of(run, &dilemma.id)).collect::<Option<Vec<_>>>()
    };
    let control = all(|run, id| run.control.get(id).copied())?;
    let steered = all(|run, id| run.steered.get(id).copied())?;
    let gain = |(steered, control)| {
        let gain = probability_gain(steered, control, dilemma.high_stance, dilemma.low_stance)?;
        Some(gain.towards(direction))
    };
    let gains = steered.iter().zip(&control).map(gain).collect::<Option<Vec<_>>>()?;
    Some(Judged { dilemma, cluster: dilemma.cluster(), control, steered, gains })
}

impl Judged<'_> {
    fn mover(&self) -> Option<Mover> {
        let average = |of: fn(&Gain) -> f64| mean(self.gains.iter().map(of));
        Some(Mover {
            id: self.dilemma.id.clone(),
            value: self.dilemma.value,
            high_stance: self.dilemma.high_stance,
            low_stance: self.dilemma.low_stance,
            control: VerdictProbabilities::mean(&self.control)?,
            steered: VerdictProbabilities::mean(&self.steered)?,
            gain: Gain { full: average(|gain| gain.full)?, strict: average(|gain| gain.strict)? },
        })
    }
}

impl Comparison<'_> {
    /// Mean gains over the chosen dilemmas; nothing if there are none.
    fn gain(&self, chosen: impl Fn(&Judged<'_>) -> bool) -> Option<GainSummary> {
        let (mut full, mut strict) = (Sample::new(), Sample::new());
        for row in self.judged.iter().filter(|row| chosen(row)) {
            let group = row.dilemma.value.slug();
            for (&seed, gain) in self.seeds.iter().zip(&row.gains) {
                full.add(group, &row.cluster, seed, gain.full);
                strict.add(group, &row.cluster, seed, gain.strict);
            }
        }
        // How many posts a value has is a matter of chance in sets built from found posts.
        let summarise = |sample: Sample| sample.summarise(Strata::Pooled, self.options);
        Some(GainSummary { full: summarise(full)?, strict: summarise(strict)? })
    }

    /// Mean gains on the posts of each value that has any.
    fn by_value(&self, values: &[Value], target: &BTreeSet<RefinedValue>) -> Vec<ValueGain> {
        let gains = values.iter().filter_map(|&value| {
            let members = value.refined();
            let gain = self.gain(|row| members.contains(&row.dilemma.value))?;
            let on_target = members.iter().all(|member| target.contains(member));
            Some((value, on_target, gain))
        });
        let gains: Vec<(Value, bool, GainSummary)> = gains.collect();
        let adjust = |of: fn(&GainSummary) -> f64| {
            benjamini_hochberg(&gains.iter().map(|(_, _, gain)| of(gain)).collect::<Vec<_>>())
        };
        let full = adjust(|gain| gain.full.p_positive);
        let strict = adjust(|gain| gain.strict.p_positive);
        let adjusted = full.into_iter().zip(strict);
        gains
            .into_iter()
            .zip(adjusted)
            .map(|((value, on_target, gain), (adjusted_p, adjusted_p_strict))| ValueGain {
                value,
                on_target,
                gain,
                adjusted_p,
                adjusted_p_strict,
            })
            .collect()
    }

    /// The verdicts on the chosen dilemmas; a post under several values counts once.
    fn verdicts(&self, chosen: impl Fn(&Judged<'_>) -> bool) -> Option<VerdictShift> {
        let chosen = self.judged.iter().filter(|row| chosen(row));
        let posts: BTreeMap<&str, &Judged<'_>> =
            chosen.map(|row| (row.cluster.as_str(), row)).collect();
        Some(VerdictShift {
            control: VerdictDistribution::new(posts.values().flat_map(|row| &row.control))?,
            steered: VerdictDistribution::new(posts.values().flat_map(|row| &row.steered))?,
        })
    }

    fn movers(&self) -> Vec<Mover> {
        let mut movers: Vec<Mover> = self.judged.iter().filter_map(Judged::mover).collect();
        movers.sort_by(|a, b| {
            let size = |mover: &Mover| mover.gain.full.abs();
            size(b).total_cmp(&size(a)).then_with(|| a.id.cmp(&b.id))
        });
        movers.truncate(JudgementShift::MOVERS);
        movers
    }
}
