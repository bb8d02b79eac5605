//! `axia profile` of a model that `axia serve` serves, beside the same model on the embedded engine.

use crate::bench::Bench;
use serde_json::Value as Json;
use std::process::Command;

/// Profiles in the bench's folder; the ratings' probabilities, answer by answer, and the summary.
fn profile(bench: &Bench, out: &str, whom: &[&str]) -> (Vec<Vec<f64>>, Json) {
    let output = Command::new(env!("CARGO_BIN_EXE_axia"))
        .args(["profile", "--limit", "2", "--variants", "few", "--json", "--out", out])
        .args(whom)
        .current_dir(bench.folder())
        .env("XDG_STATE_HOME", bench.folder().join("state"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{whom:?}: {said}");
    let text = std::fs::read_to_string(bench.folder().join(out).join("responses.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let scored = lines.map(|line| {
        let scored = line["answer"]["scored"].as_array().unwrap();
        scored.iter().map(|p| p.as_f64().unwrap()).collect()
    });
    (scored.collect(), serde_json::from_slice(&output.stdout).unwrap())
}

fn farthest(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_served_model_and_its_adapter_have_the_profiles_of_the_embedded_engine() {
    let bench = Bench::new();
    let address = format!("http://{}", bench.address);
    let served = |out: &str, model: &str| {
        profile(&bench, out, &["--respondent", &address, "--served-model", model])
    };
    let (base, _) = profile(&bench, "base", &["tiny"]);
    let (adapted, _) = profile(&bench, "adapted", &["tiny", "--adapter", "a"]);
    assert!(farthest(&base, &adapted) > 1e-2, "the adapter says nothing else than the base");

    for (expected, model, out) in [(&base, "tiny", "of-base"), (&adapted, "tiny:a", "of-a")] {
        let (found, summary) = served(out, model);
        assert_eq!(summary["respondent"]["scoring"], "prompt-logprobs");
        assert_eq!(summary["respondent"]["model"], model);
        let apart = farthest(expected, &found);
        assert!(apart < 1e-4, "{model}: {apart}");
    }
}
