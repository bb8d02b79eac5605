//! `axia export` of runs.

use crate::bench::Bench;
use serde_json::Value as Json;

#[test]
fn a_run_becomes_logs_for_inspect_and_results_for_lm_eval() {
    let bench = Bench::new();
    bench.ok("run model --limit 20 --posts 2 --episodes 1 --rank 2 --rows 27 --seed 3,4 --out out");
    let said = bench.ok("export out --inspect logs --lm-eval results.json");
    let logs = bench.files("logs");
    // Base, and control, down and up for either seed; each with survey, dilemmas and games.
    assert_eq!(logs.len(), 7 * 3, "{said}");
    assert_eq!(said.lines().count(), 7 * 3 + 1);
    let results = bench.read_json("out/results.json");
    for (name, bytes) in &logs {
        let log: Json = serde_json::from_slice(bytes).unwrap();
        let keys: Vec<&String> = log.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["version", "status", "eval", "plan", "results", "stats", "samples"]);
        let digits: String =
            name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert!(digits.starts_with("0000-00-00T00-00-00+00-00_"), "{name}");
        let samples = log["samples"].as_array().unwrap();
        assert_eq!(log["results"]["total_samples"], samples.len());
        let mut ids: Vec<(&str, u64)> = Vec::new();
        for sample in samples {
            ids.push((sample["id"].as_str().unwrap(), sample["epoch"].as_u64().unwrap()));
            assert!(!sample["input"].as_str().unwrap().is_empty());
            let score = sample["scores"].as_object().unwrap().values().next().unwrap();
            assert!(score["value"].is_number() || score["value"].is_string(), "{score}");
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: every sample and epoch once");
    }
    let survey = logs.iter().find(|(name, _)| name.contains("survey-base")).unwrap().1;
    let survey: Json = serde_json::from_slice(survey).unwrap();
    let responses = bench.read_lines("out/responses/base.jsonl");
    assert_eq!(survey["samples"].as_array().unwrap().len(), responses.len());
    let mean = &survey["results"]["scores"][0]["metrics"]["mean"]["value"];
    assert_eq!(*mean, results["respondents"][0]["profile"]["grand_mean"]);
    let up = logs.iter().find(|(name, _)| name.contains("survey-universalism-nature-up-seed4"));
    let up: Json = serde_json::from_slice(up.unwrap().1).unwrap();
    let targets = up["samples"].as_array().unwrap().iter().filter(|s| s["target"] == "6").count();
    assert!(targets > 0);
    assert!(up["results"]["scores"][0]["metrics"]["target_drop"]["value"].is_number());

    let lm_eval = bench.read_json("results.json");
    let drop = &results["shifts"][0]["shift"]["against_control"]["target_drop"]["macro_average"];
    let task = &lm_eval["results"]["axia_shift_universalism-nature-down"];
    assert_eq!(task["target_drop,none"], drop["value"]);
    let width = drop["high"].as_f64().unwrap() - drop["low"].as_f64().unwrap();
    let error = task["target_drop_stderr,none"].as_f64().unwrap();
    assert!((error * 2.0 * 1.959_964 - width).abs() < 1e-9);
    assert_eq!(
        lm_eval["results"].as_object().unwrap().len(),
        lm_eval["versions"].as_object().unwrap().len()
    );

    bench.fails("export model --inspect logs", 2, &["model/results.json"]);
    bench.fails("export out --gguf out.gguf", 2, &["`out` is not a PEFT adapter"]);
}
