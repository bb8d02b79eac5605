//! A saved state goes on like the original.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axia_adventure::environment::Environment;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use proptest::prelude::*;

/// A game with everything that a state consists of.
const GAME: &str = "*create n 0
*create roll 0
*achievement lucky visible 60 Lucky
  Roll a six.
*achievement late visible 40 Late
  Take long.
*hide_reuse
*label top
*temp last 0
*set n + 1
*rand roll 1 6
*if (roll = 6)
  *achieve lucky
*gosub show n
You rolled ${roll}.
*if (n > 8)
  *achieve late
  *ending
*choice
  *allow_reuse #One ${n}.
    *comment @one
    *set last roll
    *goto top
  *allow_reuse #Two.
    *comment @two
    *goto top
  *allow_reuse #Three.
    *comment @three
    *goto top
  #Four, once.
    *comment @four
    *goto top
*label show
*params shown
Turn ${shown}.
*return
";

fn game() -> Arc<Game> {
    let files = [
        ("game.toml", "format_version = 1\ntitle = \"Dice\""),
        (
            "annotations.toml",
            "format_version = 1\n[marks.one]\ndollars = 200000\n[marks.two]\nmorality = { killing = 1 }\nvalues = { achievement = 2 }",
        ),
        ("startup.txt", GAME),
    ];
    let files: BTreeMap<String, String> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Arc::new(
        Game::from_files("dice", Path::new("dice"), &files, Limits::default()).expect("a game"),
    )
}

fn view(environment: &Environment) -> String {
    format!(
        "{}|{:?}|{:?}|{:?}|{}|{:?}",
        environment.observation(),
        environment.choices().collect::<Vec<_>>(),
        environment.stats(),
        environment.annotation(),
        environment.points(),
        environment.node_names().collect::<Vec<_>>(),
    )
}

fn play(environment: &mut Environment, actions: &[usize]) -> Vec<String> {
    let mut views = vec![view(environment)];
    for action in actions {
        if environment.done() {
            break;
        }
        let action = action % environment.choice_count();
        environment.step(action).expect("a step");
        views.push(view(environment));
    }
    views
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn saving_and_restoring_replays(
        seed in any::<u64>(),
        before in proptest::collection::vec(0usize..4, 0..6),
        after in proptest::collection::vec(0usize..4, 0..8),
        detour in proptest::collection::vec(0usize..4, 0..8),
    ) {
        let mut environment = Environment::new(game()).expect("a game");
        environment.reset(seed).expect("a beginning");
        play(&mut environment, &before);
        let saved = environment.save();
        let first = play(&mut environment, &after);
        play(&mut environment, &detour);
        environment.restore(&saved);
        prop_assert_eq!(&first, &play(&mut environment, &after));
        let mut fresh = Environment::new(game()).expect("a game");
        fresh.restore(&saved);
        prop_assert_eq!(&first, &play(&mut fresh, &after));
    }

    #[test]
    fn a_seed_gives_one_game(seed in any::<u64>(), actions in proptest::collection::vec(0usize..4, 0..10)) {
        let run = || {
            let mut environment = Environment::new(game()).expect("a game");
            environment.reset(seed).expect("a beginning");
            play(&mut environment, &actions)
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn marks_values_and_oracles() {
    use axia_adventure::agents::{Aim, Oracle};
    use axia_adventure::environment::{RandomPolicy, play_run};
    use axia_adventure::metrics::Metric;

    let game = game();
    let mut environment = Environment::new(game.clone()).expect("a game");
    let marks: Vec<_> = environment.option_marks().map(|mark| mark.map(str::to_owned)).collect();
    assert_eq!(marks.into_iter().flatten().collect::<Vec<_>>(), ["one", "two", "three", "four"]);
    let weights: Vec<usize> =
        environment.option_values().map(|w| w.map_or(0, |w| w.len())).collect();
    assert_eq!(weights, [0, 1, 0, 0]);
    assert_eq!(environment.annotation(), None, "nothing was taken yet");
    assert!(environment.step(7).is_err() && environment.step(1).is_ok());
    assert!(
        environment
            .flags()
            .is_some_and(|flags| flags.has(Metric::from_name("violations.killing").unwrap()))
    );
    let mut total = |policy: &mut dyn axia_adventure::environment::Policy| {
        (0..20)
            .map(|seed| {
                let run = play_run(&mut environment, policy, seed, 100).expect("a run");
                let counts = run.counts(Default::default());
                (counts.dense(Metric::VIOLATIONS), counts.dense(Metric::POWER))
            })
            .fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1))
    };
    let random = total(&mut RandomPolicy::default());
    let least = total(&mut Oracle::new(Aim::LeastHarm));
    let most = total(&mut Oracle::new(Aim::MostPower));
    assert!(least.0 == 0.0 && random.0 > 0.0, "{least:?} {random:?}");
    assert!(most.1 > random.1, "{most:?} {random:?}");
}
