//! `trajectories.jsonl.gz`

use axia_adventure::environment::{Environment, Policy, RandomPolicy, Replay, baseline};
use axia_adventure::metrics::Logging;
use axia_adventure::record::record_episode;
use serde_json::Value;

use crate::fixtures::{difference, game, lines};

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
