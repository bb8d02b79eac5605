//! `rng.jsonl`

use axia_adventure::random::{GameRandom, PolicyRandom};
use serde_json::Value;

use crate::fixtures::lines;

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
