use std::collections::BTreeMap;

use proptest::prelude::*;

use super::testing::{close, p};
use super::*;
use crate::dilemma::{Dilemma, DilemmaSet, Justification, Provenance, Stance};
use crate::stats::{BootstrapOptions, benjamini_hochberg};
use crate::target::Direction;
use crate::taxonomy::{BasicValue, RefinedValue as V, Value};
use Stance::{Neutral, Nta, Yta};

fn dilemma(id: &str, value: V, high_stance: Stance, low_stance: Stance) -> Dilemma {
    Dilemma {
        id: id.to_owned(),
        value,
        high_stance,
        low_stance,
        post: format!("The story of {id}."),
        justification: Justification::default(),
        provenance: Provenance::Original,
    }
}

fn set(dilemmas: Vec<Dilemma>) -> DilemmaSet {
    DilemmaSet { name: "t".into(), licence: None, dilemmas }
}

fn verdicts(rows: &[(&str, [f64; 3])]) -> Verdicts {
    rows.iter().map(|&(id, weights)| (id.to_owned(), p(weights))).collect()
}

/// One run from `control` to `steered`.
fn shift(
    set: &DilemmaSet,
    target: &[V],
    direction: Direction,
    control: &Verdicts,
    steered: &Verdicts,
) -> JudgementShift {
    let run = JudgementRun { seed: 1, control, steered };
    JudgementShift::new(&[run], set, target, direction, BootstrapOptions::default()).unwrap()
}

/// Two posts of power-dominance, one of face, one of humility, and one that nobody judged.
fn small() -> DilemmaSet {
    set(vec![
        dilemma("a", V::PowerDominance, Nta, Yta),
        dilemma("b", V::PowerDominance, Yta, Nta),
        dilemma("c", V::Face, Nta, Neutral),
        dilemma("d", V::Humility, Yta, Neutral),
        dilemma("e", V::Hedonism, Nta, Yta),
    ])
}

fn before() -> Verdicts {
    verdicts(&[
        ("a", [0.5, 0.3, 0.2]),
        ("b", [0.5, 0.3, 0.2]),
        ("c", [0.5, 0.3, 0.2]),
        ("d", [0.5, 0.3, 0.2]),
        ("e", [0.1, 0.1, 0.8]),
    ])
}

fn after() -> Verdicts {
    verdicts(&[
        // Low +.2, high −.2.
        ("a", [0.3, 0.5, 0.2]),
        // Low −.1, high +.1.
        ("b", [0.4, 0.4, 0.2]),
        // Low +.4, high −.3, third −.1.
        ("c", [0.2, 0.2, 0.6]),
        // Low +.1, high 0, third −.1.
        ("d", [0.4, 0.3, 0.3]),
    ])
}

const POWER: [V; 3] = [V::Face, V::PowerResources, V::PowerDominance];

#[test]
fn shifts_by_hand() {
    let shift = shift(&small(), &POWER, Direction::Down, &before(), &after());
    assert_eq!((shift.judged, &shift.excluded[..]), (4, &["e".to_owned()][..]));
    assert_eq!(shift.target, [V::PowerDominance, V::PowerResources, V::Face]);
    assert_eq!(shift.target_name(), "power");
    // Gains .4, −.2, .65 and .05; strict .4, −.2, .7 and .1.
    let target = shift.on_target.as_ref().unwrap();
    close(target.full.weighted.value, 0.85 / 3.0);
    close(target.full.macro_average.value, (0.1 + 0.65) / 2.0);
    close(target.strict.weighted.value, 0.3);
    close(target.strict.macro_average.value, (0.1 + 0.7) / 2.0);
    assert_eq!((target.full.clusters, target.full.observations, target.full.seeds), (3, 3, 1));
    assert!(target.full.underpowered);
    close(shift.off_target.as_ref().unwrap().full.weighted.value, 0.05);
    close(shift.overall.full.weighted.value, 0.9 / 4.0);
    close(shift.overall.full.macro_average.value, (0.1 + 0.65 + 0.05) / 3.0);

    let rows = |gains: &[ValueGain]| -> Vec<(Value, bool, usize)> {
        gains.iter().map(|gain| (gain.value, gain.on_target, gain.gain.full.clusters)).collect()
    };
    assert_eq!(
        rows(&shift.refined),
        [
            (V::PowerDominance.into(), true, 2),
            (V::Face.into(), true, 1),
            (V::Humility.into(), false, 1)
        ]
    );
    assert_eq!(
        rows(&shift.basic),
        [(BasicValue::Power.into(), true, 3), (BasicValue::Tradition.into(), false, 1)]
    );
    close(shift.refined[0].gain.full.weighted.value, 0.1);
    close(shift.basic[0].gain.full.macro_average.value, 0.375);
    // Dominance's two posts are drawn 0, 1 or 2 times each.
    let dominance = shift.refined[0].gain.full.weighted;
    close(dominance.low, -0.2);
    close(dominance.high, 0.4);
    for gain in shift.refined.iter().chain(&shift.basic) {
        assert!(gain.adjusted_p >= gain.gain.full.p_positive && gain.adjusted_p <= 1.0);
    }

    assert_eq!(shift.verdicts.control.argmax, [4, 0, 0]);
    assert_eq!(shift.verdicts.steered.argmax, [2, 1, 1]);
    close(shift.verdicts.steered.mean.probability(Nta), (0.3 + 0.4 + 0.2 + 0.4) / 4.0);
    let own = shift.target_verdicts.unwrap();
    assert_eq!((own.control.judgements, own.steered.argmax), (3, [1, 1, 1]));

    let movers: Vec<&str> = shift.movers.iter().map(|mover| mover.id.as_str()).collect();
    assert_eq!(movers, ["c", "a", "b", "d"]);
    close(shift.movers[2].gain.full, -0.2);
    assert_eq!(shift.movers[0].steered, p([0.2, 0.2, 0.6]));
    assert_eq!((shift.movers[0].high_stance, shift.movers[0].low_stance), (Nta, Neutral));

    let json = serde_json::to_string(&shift).unwrap();
    assert_eq!(serde_json::from_str::<JudgementShift>(&json).unwrap(), shift);
}

#[test]
fn up_is_sign_corrected_everywhere() {
    let down = shift(&small(), &POWER, Direction::Down, &before(), &after());
    let up = shift(&small(), &POWER, Direction::Up, &before(), &after());
    let values = |shift: &JudgementShift| {
        let sum = |gain: &GainSummary| [gain.full.weighted.value, gain.strict.macro_average.value];
        let mut all = vec![sum(&shift.overall), sum(shift.on_target.as_ref().unwrap())];
        all.extend(shift.refined.iter().chain(&shift.basic).map(|gain| sum(&gain.gain)));
        all.extend(shift.movers.iter().map(|mover| [mover.gain.full, mover.gain.strict]));
        all
    };
    for (down, up) in values(&down).into_iter().zip(values(&up)) {
        close(down[0], -up[0]);
        close(down[1], -up[1]);
    }
    // Verdicts are what they are.
    assert_eq!(down.verdicts, up.verdicts);
}

#[test]
fn a_target_may_have_no_posts_or_be_empty() {
    let lacking = shift(&small(), &[V::Tradition], Direction::Down, &before(), &after());
    assert!(lacking.on_target.is_none() && lacking.target_verdicts.is_none());
    assert_eq!(lacking.off_target.as_ref(), Some(&lacking.overall));
    assert_eq!(lacking.target_name(), "tradition");
    let nothing = shift(&small(), &[], Direction::Down, &before(), &after());
    assert!(nothing.on_target.is_none() && nothing.refined.iter().all(|gain| !gain.on_target));
    let pair = [V::Humility, V::PowerDominance];
    let two = shift(&small(), &pair, Direction::Down, &before(), &after());
    assert_eq!(two.target_name(), "power-dominance+humility");
    // One of the two refined values of a basic value is not all of it.
    assert!(two.basic.iter().all(|gain| !gain.on_target));
}

#[test]
fn seeds_are_averaged_and_resampled() {
    let (control, steered) = (before(), after());
    let runs = [
        JudgementRun { seed: 1, control: &control, steered: &steered },
        JudgementRun { seed: 2, control: &control, steered: &control },
    ];
    let shift = JudgementShift::new(
        &runs,
        &small(),
        &[V::Humility],
        Direction::Down,
        BootstrapOptions::default(),
    );
    let shift = shift.unwrap();
    let target = &shift.on_target.as_ref().unwrap().full;
    close(target.weighted.value, 0.025);
    // A resample may hold one seed only.
    close(target.weighted.low, 0.0);
    close(target.weighted.high, 0.05);
    assert_eq!((target.seeds, target.observations, target.clusters), (2, 2, 1));
    close(shift.movers[0].gain.full, 0.325);
    assert_eq!(shift.verdicts.steered.judgements, 8);
    // A post that one run lacks is left out of all.
    let mut partial = steered.clone();
    partial.remove("d");
    let runs = [JudgementRun { steered: &partial, ..runs[0] }, runs[1]];
    let options = BootstrapOptions::default();
    let shift = JudgementShift::new(&runs, &small(), &POWER, Direction::Down, options).unwrap();
    assert_eq!(shift.excluded, ["d", "e"]);
}

#[test]
fn a_post_under_two_values_is_one_cluster() {
    let mut twice = small();
    // The same post with the stances turned round: its gains cancel in every resample.
    twice.dilemmas = vec![
        dilemma("a", V::Face, Nta, Yta),
        Dilemma { post: "The  story of a.".into(), ..dilemma("b", V::Humility, Yta, Nta) },
    ];
    let both = |weights| verdicts(&[("a", weights), ("b", weights)]);
    let (control, steered) = (both([0.5, 0.3, 0.2]), both([0.3, 0.5, 0.2]));
    let shift = shift(&twice, &[], Direction::Down, &control, &steered);
    let overall = &shift.overall.full;
    assert_eq!((overall.clusters, overall.observations), (1, 2));
    close(overall.weighted.low, 0.0);
    close(overall.weighted.high, 0.0);
    assert_eq!(shift.verdicts.control.judgements, 1);
    close(shift.refined[0].gain.full.weighted.value, 0.4);
    close(shift.refined[1].gain.full.weighted.value, -0.4);
}

#[test]
fn incomparable_verdicts_are_errors() {
    let (control, steered) = (before(), after());
    let run = JudgementRun { seed: 1, control: &control, steered: &steered };
    let fail = |runs: &[JudgementRun<'_>], set: &DilemmaSet| {
        let options = BootstrapOptions::default();
        JudgementShift::new(runs, set, &POWER, Direction::Down, options).unwrap_err()
    };
    assert_eq!(fail(&[], &small()), JudgementError::NoRuns);
    assert_eq!(fail(&[run, run], &small()), JudgementError::DuplicateSeed { seed: 1 });
    let mut fewer = small();
    fewer.dilemmas.remove(0);
    assert_eq!(fail(&[run], &fewer), JudgementError::UnknownPost { id: "a".into() });
    let mut equal = small();
    equal.dilemmas[0].low_stance = Nta;
    assert!(fail(&[run], &equal).to_string().contains("item `a`, field `low_stance`"));
    let none = Verdicts::new();
    let run = JudgementRun { steered: &none, ..run };
    assert_eq!(fail(&[run], &small()), JudgementError::NoPosts);
}

/// Forty posts of face whose gains are ((7·i mod 13) − 5) / 20.
fn forty() -> (DilemmaSet, Verdicts, Verdicts) {
    let rows: Vec<(String, f64)> =
        (0..40).map(|i| (format!("p{i}"), (f64::from(i * 7 % 13) - 5.0) / 40.0)).collect();
    let dilemmas = rows.iter().map(|(id, _)| dilemma(id, V::Face, Nta, Yta)).collect();
    let verdicts = |change: f64| -> Verdicts {
        let moved = |delta: f64| p([0.4 - change * delta, 0.4 + change * delta, 0.2]);
        rows.iter().map(|(id, delta)| (id.clone(), moved(*delta))).collect()
    };
    (set(dilemmas), verdicts(0.0), verdicts(1.0))
}

#[test]
fn intervals_and_tests_agree_with_scipy() {
    let (set, control, steered) = forty();
    let shift = shift(&set, &[V::Face], Direction::Down, &control, &steered);
    let found = &shift.on_target.unwrap().full;
    close(found.weighted.value, 0.0425);
    assert!(!found.underpowered && found.clusters == 40);
    // SciPy 1.17.1, g = ((i * 7) % 13 - 5) / 20 for i in range(40):
    // scipy.stats.bootstrap((g,), np.mean, n_resamples=200_000, method="percentile", rng=1)
    assert!((found.weighted.low - -0.01625).abs() < 0.006, "{:?}", found.weighted);
    assert!((found.weighted.high - 0.10125).abs() < 0.006, "{:?}", found.weighted);
    // scipy.stats.ttest_1samp(g, 0, alternative="greater")
    assert!((found.p_positive - 0.085_800_821).abs() < 0.02, "{}", found.p_positive);
}

#[test]
fn one_post_fewer_than_thirty_is_underpowered() {
    let (mut set, mut control, mut steered) = forty();
    let mut clusters = |posts: usize| {
        set.dilemmas.truncate(posts);
        control.retain(|id, _| set.dilemma(id).is_some());
        steered.retain(|id, _| set.dilemma(id).is_some());
        shift(&set, &[], Direction::Down, &control, &steered).overall.full.underpowered
    };
    assert!(!clusters(30));
    assert!(clusters(29));
}

#[test]
fn matrices_are_ordered_around_the_circle() {
    let make = |target: &[V], direction| shift(&small(), target, direction, &before(), &after());
    let shifts = [
        make(&[V::Humility], Direction::Down),
        make(&POWER, Direction::Up),
        make(&POWER, Direction::Down),
        make(&[V::Tradition], Direction::Down),
    ];
    let matrix = GainMatrix::refined(&shifts).unwrap();
    let names: Vec<_> = matrix.rows.iter().map(|row| (row.name.as_str(), row.direction)).collect();
    assert_eq!(
        names,
        [
            ("power", Direction::Down),
            ("power", Direction::Up),
            ("tradition", Direction::Down),
            ("humility", Direction::Down)
        ]
    );
    let columns = [V::PowerDominance, V::Face, V::Humility].map(Value::Refined);
    assert_eq!(matrix.columns, columns);
    let cells: Vec<_> = matrix.rows[0].cells.iter().map(|cell| cell.unwrap()).collect();
    assert_eq!(cells.iter().map(|cell| cell.on_target).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(cells.iter().map(|cell| cell.posts).collect::<Vec<_>>(), [2, 1, 1]);
    close(cells[0].gain.value, 0.1);
    close(cells[1].strict.value, 0.7);
    close(cells[2].gain.value, 0.05);
    close(matrix.rows[1].cells[1].unwrap().gain.value, -0.65);
    assert!(cells[0].underpowered);
    // Three targets have posts; tradition has none.
    assert_eq!(matrix.rows[2].adjusted_p, None);
    let own = |row: &GainRow| row.on_target.as_ref().map(|gain| gain.full.p_positive);
    let expected = benjamini_hochberg(&matrix.rows.iter().filter_map(own).collect::<Vec<_>>());
    let adjusted: Vec<f64> = matrix.rows.iter().filter_map(|row| row.adjusted_p).collect();
    assert_eq!(adjusted, expected);
    assert!(adjusted[0] > own(&matrix.rows[0]).unwrap());

    let basic = GainMatrix::basic(&shifts).unwrap();
    assert_eq!(basic.columns, [BasicValue::Power, BasicValue::Tradition].map(Value::Basic));
    close(basic.rows[0].cells[0].unwrap().gain.value, 0.85 / 3.0);
    let json = serde_json::to_string(&basic).unwrap();
    assert_eq!(serde_json::from_str::<GainMatrix>(&json).unwrap(), basic);

    let twice = [shifts[0].clone(), shifts[0].clone()];
    assert_eq!(
        GainMatrix::basic(&twice).unwrap_err().to_string(),
        "humility down occurs twice; put the seeds of one target into one comparison"
    );
    let nothing = GainMatrix::refined(&[]).unwrap();
    assert!(nothing.rows.is_empty() && nothing.columns.is_empty());
}

#[test]
fn rows_lack_cells_where_they_lack_posts() {
    let mut fewer = after();
    fewer.remove("c");
    let whole = shift(&small(), &[V::Humility], Direction::Down, &before(), &after());
    let lacking = shift(&small(), &POWER, Direction::Down, &before(), &fewer);
    let matrix = GainMatrix::refined(&[whole, lacking]).unwrap();
    assert_eq!(
        matrix.rows[0].cells.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false, true]
    );
}

fn weights() -> impl Strategy<Value = [f64; 3]> {
    prop::array::uniform3(1e-6..1.0f64)
}

fn stances() -> impl Strategy<Value = (Stance, Stance)> {
    (0..3usize, 1..3usize)
        .prop_map(|(high, step)| (Stance::ALL[high], Stance::ALL[(high + step) % 3]))
}

/// A dilemma with verdicts before and after.
type Row = (Dilemma, [f64; 3], [f64; 3]);

/// Dilemmas of a few values.
fn study() -> impl Strategy<Value = Vec<Row>> {
    let row = (0..4usize, stances(), weights(), weights());
    prop::collection::vec(row, 1..12).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(index, (value, (high, low), before, after))| {
            (dilemma(&format!("d{index:02}"), V::ALL[value * 4], high, low), before, after)
        })
        .collect()
    })
}

fn compare(rows: &[Row], swapped: bool) -> JudgementShift {
    let set = set(rows.iter().map(|(dilemma, _, _)| dilemma.clone()).collect());
    let collect = |of: fn(&Row) -> [f64; 3]| -> Verdicts {
        rows.iter().map(|row| (row.0.id.clone(), p(of(row)))).collect()
    };
    let (before, after) = (collect(|row| row.1), collect(|row| row.2));
    let (control, steered) = if swapped { (&after, &before) } else { (&before, &after) };
    let options = BootstrapOptions { resamples: 100, ..BootstrapOptions::default() };
    let run = JudgementRun { seed: 1, control, steered };
    JudgementShift::new(&[run], &set, &[V::ALL[0]], Direction::Down, options).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shifts_are_antisymmetric(rows in study()) {
        let (there, back) = (compare(&rows, false), compare(&rows, true));
        for (there, back) in there.refined.iter().zip(&back.refined) {
            let (there, back) = (there.gain.full.weighted, back.gain.full.weighted);
            prop_assert!((there.value + back.value).abs() < 1e-12);
            prop_assert!((there.low + back.high).abs() < 1e-12);
            prop_assert!((there.high + back.low).abs() < 1e-12);
            prop_assert!(there.low >= -2.0 && there.high <= 2.0);
        }
        prop_assert_eq!(there.verdicts.control, back.verdicts.steered);
    }

    #[test]
    fn the_order_of_dilemmas_does_not_matter(rows in study()) {
        let mut reversed = rows.clone();
        reversed.reverse();
        prop_assert_eq!(compare(&reversed, false), compare(&rows, false));
    }

    #[test]
    fn nothing_moves_by_itself(rows in study()) {
        let still: Vec<_> =
            rows.into_iter().map(|(dilemma, before, _)| (dilemma, before, before)).collect();
        let shift = compare(&still, false);
        let overall = shift.overall.full;
        prop_assert_eq!(
            (overall.weighted.value, overall.weighted.low, overall.weighted.high),
            (0.0, 0.0, 0.0)
        );
        prop_assert_eq!(overall.p_positive, 1.0);
        prop_assert_eq!(shift.verdicts.control, shift.verdicts.steered);
    }

    #[test]
    fn the_whole_is_the_mean_of_its_parts(rows in study()) {
        let shift = compare(&rows, false);
        let weigh = |gains: &[ValueGain]| {
            let sum = gains.iter().map(|gain| {
                gain.gain.full.weighted.value * gain.gain.full.observations as f64
            });
            sum.sum::<f64>() / rows.len() as f64
        };
        let overall = shift.overall.full;
        prop_assert!((weigh(&shift.refined) - overall.weighted.value).abs() < 1e-9);
        prop_assert!((weigh(&shift.basic) - overall.weighted.value).abs() < 1e-9);
        let means: BTreeMap<Value, f64> = shift
            .refined
            .iter()
            .map(|gain| (gain.value, gain.gain.full.weighted.value))
            .collect();
        let macro_average = means.values().sum::<f64>() / means.len() as f64;
        prop_assert!((macro_average - overall.macro_average.value).abs() < 1e-9);
    }
}
