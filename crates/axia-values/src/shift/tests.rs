use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::instrument::{Dimension, Split};
use crate::profile::{ItemScore, Readout, Scores};
use crate::rating::Rating;
use crate::stats::BootstrapOptions;
use crate::target::{Direction, Target};
use crate::taxonomy::{BasicValue, RefinedValue as V};

fn item(id: &str, dimension: Dimension, repetitions: &[f64]) -> ItemScore {
    let valid: Vec<f64> = repetitions.iter().copied().filter(|value| !value.is_nan()).collect();
    ItemScore {
        item: id.to_owned(),
        dimension,
        split: Split::Test,
        mean: crate::stats::mean(valid),
        by_variant: BTreeMap::new(),
        by_repetition: repetitions.iter().map(|&v| (!v.is_nan()).then_some(v)).collect(),
        invalid: 0,
        replies: repetitions.len(),
    }
}

/// Two items of power-dominance, one of face, two of security-personal, one of humility.
fn scores(means: [f64; 6]) -> Scores {
    let dimensions = [
        V::PowerDominance,
        V::PowerDominance,
        V::Face,
        V::SecurityPersonal,
        V::SecurityPersonal,
        V::Humility,
    ];
    let items = ["a", "b", "c", "d", "e", "f"].into_iter().zip(dimensions).zip(means);
    Scores {
        readout: Readout::Expected,
        items: items.map(|((id, value), mean)| item(id, value.into(), &[mean])).collect(),
    }
}

const CONTROL: [f64; 6] = [5.0, 4.0, 4.0, 3.0, 3.0, 4.0];
const STEERED: [f64; 6] = [2.0, 3.0, 1.0, 3.5, 2.5, 4.5];

fn shift(target: &Target, control: [f64; 6], steered: [f64; 6]) -> DomainShift {
    let (control, steered) = (scores(control), scores(steered));
    let run = ShiftRun { seed: 1, base: None, control: &control, steered: &steered };
    DomainShift::new(&[run], target, BootstrapOptions::default()).unwrap()
}

fn power_down() -> Target {
    Target::new(BasicValue::Power, Direction::Down)
}

#[test]
fn effects_by_hand() {
    let shift = shift(&power_down(), CONTROL, STEERED);
    let effect = &shift.against_control;
    // Dominance drops by (3 + 1)/2, face by 3.
    assert_eq!(effect.target_drop.macro_average.value, 2.5);
    assert!((effect.target_drop.micro_average.value - 7.0 / 3.0).abs() < 1e-12);
    // Every other item moves by half a point.
    let fluctuation = effect.fluctuation.unwrap();
    assert_eq!((fluctuation.macro_average.value, fluctuation.micro_average.value), (0.5, 0.5));
    assert_eq!(effect.selectivity.unwrap().macro_average.value, 2.0);
    // Before, the items of dominance were 4 and 3 points above their goal of 1, that of face 3.
    let headroom = effect.headroom.unwrap();
    assert_eq!((headroom.points.value, headroom.share.value), (3.25, 2.5 / 3.25));
    let shifts: Vec<_> = effect
        .values
        .iter()
        .map(|value| (value.distance, value.items, value.shift.value))
        .collect();
    assert_eq!(
        shifts,
        [(Some(0), 2, -2.0), (Some(0), 1, -3.0), (Some(1), 2, 0.0), (Some(6), 1, 0.5)]
    );
    let leakage: Vec<_> =
        effect.leakage.iter().map(|leak| (leak.distance, leak.values, leak.shift.value)).collect();
    assert_eq!(leakage, [(1, 1, 0.0), (6, 1, 0.5)]);
    // Dominance items drop by 3 and 1; face has one item and does not vary.
    let drop = effect.target_drop.macro_average;
    assert_eq!((drop.low, drop.high), (2.0, 3.0));
    assert_eq!((shift.items, shift.excluded.len()), (6, 0));
    assert!(effect.repetitions.is_none() && shift.against_base.is_none());
}

#[test]
fn up_flips_the_sign() {
    let up = Target::new(BasicValue::Power, Direction::Up);
    let effect = shift(&up, STEERED, CONTROL).against_control;
    assert_eq!(effect.target_drop.macro_average.value, 2.5);
    let wrong_way = shift(&up, CONTROL, STEERED).against_control;
    assert_eq!(wrong_way.target_drop.macro_average.value, -2.5);
}

#[test]
fn profiles_reward_coming_nearer_and_not_overshooting() {
    let rating = |number| Rating::new(number).unwrap();
    let goals = [(V::PowerDominance.into(), rating(3)), (V::Humility.into(), rating(6))];
    let effect = shift(&Target::profile("mixed", goals), CONTROL, STEERED).against_control;
    // Dominance: |5−3|−|2−3| = 1 and |4−3|−|3−3| = 1; humility: |4−6|−|4.5−6| = 0.5.
    assert_eq!(effect.target_drop.macro_average.value, 0.75);
    assert!((effect.target_drop.micro_average.value - 2.5 / 3.0).abs() < 1e-12);
}

#[test]
fn the_base_adds_two_comparisons() {
    let (base, control, steered) = (scores([4.0; 6]), scores(CONTROL), scores(STEERED));
    let run = ShiftRun { seed: 1, base: Some(&base), control: &control, steered: &steered };
    let shift = DomainShift::new(&[run], &power_down(), BootstrapOptions::default()).unwrap();
    // Dominance from 4 and 4 to 2 and 3, face from 4 to 1.
    assert_eq!(shift.against_base.unwrap().target_drop.macro_average.value, 2.25);
    // Dominance from 4 and 4 to 5 and 4, face from 4 to 4.
    assert_eq!(shift.control_drift.unwrap().target_drop.macro_average.value, -0.25);
}

#[test]
fn several_seeds_are_averaged_and_resampled() {
    let control = scores(CONTROL);
    let strong = scores(STEERED);
    let runs = [
        ShiftRun { seed: 1, base: None, control: &control, steered: &strong },
        ShiftRun { seed: 2, base: None, control: &control, steered: &control },
    ];
    let shift = DomainShift::new(&runs, &power_down(), BootstrapOptions::default()).unwrap();
    let drop = shift.against_control.target_drop.macro_average;
    assert_eq!(drop.value, 1.25);
    // A resample may hold one seed only.
    assert!(drop.low == 0.0 && drop.high >= 2.5);
    assert_eq!(shift.seeds, [1, 2]);
}

#[test]
fn repetitions_are_measured_one_by_one() {
    let sampled = |dominance: [f64; 3], humility: [f64; 3]| Scores {
        readout: Readout::Sampled,
        items: vec![
            item("a", V::PowerDominance.into(), &dominance),
            item("f", V::Humility.into(), &humility),
        ],
    };
    let control = sampled([5.0, 5.0, 5.0], [4.0, 4.0, f64::NAN]);
    let steered = sampled([2.0, 3.0, 4.0], [5.0, 3.0, 4.0]);
    let run = ShiftRun { seed: 1, base: None, control: &control, steered: &steered };
    let shift = DomainShift::new(&[run], &power_down(), BootstrapOptions::default()).unwrap();
    let repetitions = shift.against_control.repetitions.unwrap();
    assert_eq!(repetitions.count, 3);
    // Drops of 3, 2 and 1.
    assert_eq!(repetitions.target_drop_macro, Some(MeanSd { mean: 2.0, sd: 1.0 }));
    // In the third repetition there is nothing else to compare.
    assert_eq!(repetitions.fluctuation_macro, None);
    // Over all repetitions humility went from 4 to 4: nothing moved.
    assert_eq!(shift.against_control.fluctuation.unwrap().macro_average.value, 0.0);
}

#[test]
fn unanswered_items_are_excluded_by_name() {
    let control = scores(CONTROL);
    let mut steered = scores(STEERED);
    steered.items[0].mean = None;
    let run = ShiftRun { seed: 1, base: None, control: &control, steered: &steered };
    let shift = DomainShift::new(&[run], &power_down(), BootstrapOptions::default()).unwrap();
    assert_eq!((shift.items, shift.excluded), (5, vec!["a".to_owned()]));
    assert_eq!(shift.against_control.target_drop.macro_average.value, 2.0);
}

#[test]
fn incomparable_scores_are_errors() {
    let control = scores(CONTROL);
    let mut other = scores(STEERED);
    let fail = |runs: &[ShiftRun<'_>], target: &Target| {
        DomainShift::new(runs, target, BootstrapOptions::default()).unwrap_err()
    };
    let run = ShiftRun { seed: 1, base: None, control: &control, steered: &control };
    assert_eq!(fail(&[], &power_down()), ShiftError::NoRuns);
    assert_eq!(fail(&[run, run], &power_down()), ShiftError::DuplicateSeed { seed: 1 });
    let with_base = ShiftRun { seed: 2, base: Some(&control), ..run };
    assert_eq!(fail(&[run, with_base], &power_down()), ShiftError::BaseMissing { seed: 1 });
    let hedonism = Target::new(V::Hedonism, Direction::Down);
    assert!(matches!(fail(&[run], &hedonism), ShiftError::NotMeasured { .. }));
    other.items.pop();
    let run = ShiftRun { steered: &other, ..run };
    assert_eq!(fail(&[run], &power_down()), ShiftError::ItemMismatch { item: "f".into() });
    let argmax = Scores { readout: Readout::Argmax, ..control.clone() };
    let run = ShiftRun { steered: &argmax, ..run };
    assert!(matches!(fail(&[run], &power_down()), ShiftError::ReadoutMismatch { .. }));
}

#[test]
fn everything_may_be_the_target() {
    let all = Target::profile("all", V::ALL.map(|value| (value.into(), Rating::MIN)));
    let effect = shift(&all, CONTROL, STEERED).against_control;
    assert!(effect.fluctuation.is_none() && effect.selectivity.is_none());
    assert!(effect.leakage.is_empty());
}

#[test]
fn shifts_survive_json() {
    let shift = shift(&power_down(), CONTROL, STEERED);
    let json = serde_json::to_string(&shift).unwrap();
    assert_eq!(serde_json::from_str::<DomainShift>(&json).unwrap(), shift);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_drop_is_the_negative_shift_and_nothing_moves_by_itself(
        control in prop::array::uniform6(1.0..6.0f64),
        steered in prop::array::uniform6(1.0..6.0f64),
    ) {
        let effect = shift(&power_down(), control, steered).against_control;
        let targets = effect.values.iter().filter(|value| value.goal.is_some());
        let shifts: Vec<f64> = targets.map(|value| value.shift.value).collect();
        let drop = effect.target_drop.macro_average;
        prop_assert!((drop.value + shifts.iter().sum::<f64>() / shifts.len() as f64).abs() < 1e-9);
        prop_assert!(drop.low <= drop.value && drop.value <= drop.high);
        let fluctuation = effect.fluctuation.unwrap().macro_average;
        prop_assert!(fluctuation.low >= 0.0);
        let selectivity = effect.selectivity.unwrap().macro_average;
        prop_assert!((selectivity.value - (drop.value - fluctuation.value)).abs() < 1e-9);

        let still = shift(&power_down(), control, control).against_control;
        prop_assert_eq!(still.target_drop.macro_average.high, 0.0);
        prop_assert_eq!(still.fluctuation.unwrap().macro_average.high, 0.0);
    }
}
