//! `metrics_cases.jsonl`, `normalization_case.json`, `normalization/` and `evaluate/`

use crate::fixtures::{difference, game, json as read, lines};
use axia_adventure::annotation::{Number, parse_annotation};
use axia_adventure::environment::{Environment, Policy, RandomPolicy, Replay, baseline, play_run};
use axia_adventure::metrics::{
    Coefficients, Counts, Flags, Logging, Metric, Row, Thresholds, ZeroMean, rows, scores,
    summarise, z_scores,
};
use axia_adventure::random::{GameRandom, PolicyRandom};
use axia_adventure::record::record_episode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

fn value(of: impl serde::Serialize) -> Value {
    serde_json::to_value(of).expect("JSON")
}

fn number(value: &Value) -> Number {
    value.as_i64().map_or_else(|| Number::Float(value.as_f64().expect("a number")), Number::Int)
}

fn counts(value: &Value) -> Counts {
    let table: Vec<(String, Number)> = value
        .as_object()
        .expect("counts")
        .iter()
        .map(|(name, count)| (name.clone(), number(count)))
        .collect();
    Counts::from_table(&table)
}

#[test]
fn made_up_rows_count_and_score_the_same() {
    let cases = lines("reference/metrics_cases.jsonl");
    let coefficients = cases[0]["coeffs"].as_object().expect("coefficients");
    assert!(cases.len() > 10);
    for case in &cases[1..] {
        let name = case["case"].as_str().expect("a name");
        let states: Vec<Row> = case["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                let annotation = &row["annotations"];
                let flags = (!annotation.is_null()).then(|| {
                    let parsed = parse_annotation(annotation).expect("an annotation");
                    Flags::new(&parsed, &Thresholds::default())
                });
                let points = row["points"].as_i64().expect("points");
                Row { points, flags, unlocked: Arc::new([]) }
            })
            .collect();
        let max_points = case["rows"][0]["max_points"].as_i64().expect("points");
        let rows = rows(&states, true, Logging::Fresh);
        let summary = summarise(&rows, max_points).expect("rows");
        assert_eq!(difference(name, &value(&summary.counts), &case["counts"], 0.0), None);
        assert_eq!(value(&summary.points_normalized), case["points_normalized"], "{name}");
        for (set, recorded) in coefficients {
            let known: Coefficients = serde_json::from_value(recorded.clone()).expect("numbers");
            let both = [
                ("scores", scores(&summary.counts, &known, ZeroMean::Zero)),
                ("zscores", z_scores(&summary.counts, &known)),
            ];
            for (kind, found) in both {
                let wanted = &case[kind][set];
                let place = format!("{name} {kind} {set}");
                match found {
                    Ok(table) => assert_eq!(difference(&place, &value(&table), wanted, 0.0), None),
                    Err(missing) => {
                        assert_eq!(wanted["error"], "KeyError", "{place}");
                        assert_eq!(wanted["key"], missing.0.name(), "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn coefficients_of_several_games_are_the_same() {
    let case = read("reference/normalization_case.json");
    let runs = |game: &Value| -> Vec<Counts> {
        game.as_array().expect("runs").iter().map(|run| counts(&run["counts"])).collect()
    };
    let games = case["games"].as_object().expect("games");
    let columns: BTreeSet<Metric> = games
        .values()
        .flat_map(runs)
        .flat_map(|run| run.present().map(|(metric, _)| metric).collect::<Vec<_>>())
        .collect();
    let columns: Vec<Metric> = columns.into_iter().collect();
    for (name, game) in games {
        let found = value(Coefficients::upstream(&runs(game), &columns));
        assert_eq!(difference(name, &found, &case["coeffs"][name], 1e-9), None);
    }
}

#[test]
fn two_hundred_random_games_count_the_same() {
    let game = game();
    let mut environment = Environment::new(game.clone()).expect("the game");
    for logging in [Logging::Fresh, Logging::Stale] {
        let file = format!("reference/normalization/{}", logging.name());
        let runs = lines(&format!("{file}_runs.jsonl"));
        assert_eq!(runs.len(), 200);
        for run in &runs {
            let seed = run["seed"].as_u64().expect("a seed");
            let mut policy = RandomPolicy::default();
            let found = play_run(&mut environment, &mut policy, seed, 1000).expect("a run");
            assert_eq!(json!(found.actions), run["actions"], "seed {seed}");
            let rows = rows(&found.states, found.done, logging);
            assert_eq!(json!(rows.len()), run["rows"], "seed {seed}");
            let place = format!("seed {seed}");
            let counted = value(found.counts(logging));
            assert_eq!(difference(&place, &counted, &run["counts"], 0.0), None);
            let unlocked: Vec<&str> =
                rows[rows.len() - 1].unlocked.iter().map(|id| &**id).collect();
            assert_eq!(json!(unlocked), run["achievements"], "seed {seed}");
        }
        let first = runs[0]["seed"].as_u64().expect("a seed");
        let found = baseline(&game, first, 200, 1000, logging).expect("random play");
        let wanted = read(&format!("{file}.json"));
        for (kind, coefficients) in [("upstream", &found.upstream), ("dense", &found.dense)] {
            assert_eq!(difference(kind, &value(coefficients), &wanted[kind], 1e-9), None);
        }
    }
    let published = value(&game.coefficients);
    let wanted = &read("game_data/normalization_coeffs.json")["harbour-ledger"];
    assert_eq!(difference("published", &published, wanted, 0.0), None);
}

/// Upstream's evaluation: means over games of the scores that a game has.
#[test]
fn evaluation_averages_the_same() {
    let game = game();
    let coefficients = game.coefficients.clone().expect("coefficients");
    let mut environment = Environment::new(game.clone()).expect("the game");
    for logging in [Logging::Fresh, Logging::Stale] {
        let file = read(&format!("reference/evaluate/{}.json", logging.name()));
        let wanted = file["evaluate_trajectories"].as_object().expect("means");
        let first = file["first_seed"].as_u64().expect("a seed");
        let count = file["episodes"].as_u64().expect("a number");
        let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
        let mut note = |name: &str, x: f64| match columns.iter_mut().find(|(n, _)| n == name) {
            Some((_, values)) => values.push(x),
            None => columns.push((name.into(), vec![x])),
        };
        for seed in first..first + count {
            let mut policy = RandomPolicy::default();
            let run = play_run(&mut environment, &mut policy, seed, 1000).expect("a run");
            let rows = rows(&run.states, run.done, logging);
            let summary = summarise(&rows, game.max_points).expect("rows");
            note("points", summary.points_normalized.to_f64());
            note("achievements", summary.achievements.len() as f64);
            note("steps", summary.rows as f64);
            let table = scores(&summary.counts, &coefficients, ZeroMean::Zero).expect("scores");
            for (name, score) in &table.0 {
                note(name, score.to_f64());
            }
        }
        assert_eq!(wanted.len(), columns.len() + 2, "samples and games are not columns");
        for (name, values) in columns {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert_eq!(difference(&name, &json!(mean), &wanted[&name], 1e-9), None);
        }
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    value.as_array().expect("a list").iter().map(|n| n.as_i64().expect("a number")).collect()
}

#[test]
fn every_draw_is_the_same() {
    let cases = lines("reference/rng.jsonl");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let seed = case["seed"].as_u64().expect("a seed");
        let mut raw = GameRandom::new(seed);
        for wanted in numbers(&case["python_u32"]) {
            assert_eq!(i64::from(raw.next_u32()), wanted);
        }
        let mut raw = PolicyRandom::new(seed);
        for wanted in numbers(&case["numpy_u32"]) {
            assert_eq!(i64::from(raw.next_u32()), wanted);
        }
        for list in case["randint"].as_array().expect("lists") {
            let (low, high) = (list["lo"].as_i64().unwrap(), list["hi"].as_i64().unwrap());
            let mut random = GameRandom::new(seed);
            for wanted in numbers(&list["values"]) {
                assert_eq!(low + random.below((high - low + 1) as u64) as i64, wanted);
            }
        }
        let mixed = &case["randint_mixed"];
        let mut random = GameRandom::new(seed);
        for (high, wanted) in numbers(&mixed["hi"]).into_iter().zip(numbers(&mixed["values"])) {
            assert_eq!(1 + random.below(high as u64) as i64, wanted);
        }
        let mixed = &case["random_choice_mixed"];
        let mut random = GameRandom::new(seed);
        for (n, wanted) in numbers(&mixed["n"]).into_iter().zip(numbers(&mixed["values"])) {
            assert_eq!(random.below(n as u64) as i64, wanted);
        }
        for list in case["numpy_choice"].as_array().expect("lists") {
            let n = list["n"].as_u64().expect("a count") as usize;
            let mut random = PolicyRandom::new(seed);
            for wanted in numbers(&list["values"]) {
                assert_eq!(random.choice(n) as i64, wanted);
            }
        }
        let mixed = &case["numpy_choice_mixed"];
        let mut random = PolicyRandom::new(seed);
        for (n, wanted) in numbers(&mixed["n"]).into_iter().zip(numbers(&mixed["values"])) {
            assert_eq!(random.choice(n as usize) as i64, wanted);
        }
    }
}

/// Takes away what is ours.
fn comparable(mut record: Value) -> Value {
    if let Some(outcome) = record["final"].as_object_mut() {
        outcome.remove("default_logging");
        outcome.remove("default_zero_mean");
    }
    record
}

#[test]
fn every_trajectory_is_the_same() {
    let game = game();
    let upstream = game.coefficients.clone().expect("coefficients");
    let random = baseline(&game, 2417, 200, 1000, Logging::Fresh).expect("random play");
    let episodes = lines("reference/trajectories.jsonl");
    assert_eq!(episodes.len(), 57);
    let mut environment = Environment::new(game).expect("the game");
    for episode in episodes {
        let seed = episode["seed"].as_u64().expect("a seed");
        let actions: Vec<usize> = episode["actions"]
            .as_array()
            .expect("actions")
            .iter()
            .map(|action| action.as_u64().expect("an action") as usize)
            .collect();
        let id = episode["id"].as_str().expect("an id");
        let mut replay = Replay::new(actions);
        let mut random_policy = RandomPolicy::default();
        let drawn = id.starts_with("random");
        let policies: Vec<&mut dyn Policy> =
            if drawn { vec![&mut random_policy, &mut replay] } else { vec![&mut replay] };
        for policy in policies {
            let coefficients = Some((&upstream, &random.dense));
            let record =
                record_episode(&mut environment, policy, id, seed, 1000, coefficients).expect(id);
            let mut record = comparable(serde_json::to_value(&record).expect("JSON"));
            if drawn && record["agent"] == "Scripted" {
                record["agent"] = episode["agent"].clone();
            }
            // Scores depend on means, which are compared with a tolerance of their own.
            let (found, wanted) = (record["final"].take(), episode["final"].clone());
            assert_eq!(difference(id, &found, &wanted, 1e-9), None);
            let mut wanted = episode.clone();
            wanted["final"].take();
            assert_eq!(difference(id, &record, &wanted, 0.0), None);
        }
    }
}
