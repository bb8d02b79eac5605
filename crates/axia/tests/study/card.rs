//! Commands on a card, which is the engine's stand-in for one: the driver's, NVRTC's and cuBLASLt's
//! functions over the host's memory, and the kernels run on the host.

use crate::bench::{Bench, Said};
use crate::stand_in::StandIn;
use serde_json::{Value as Json, json};
use std::sync::OnceLock;

const SCORE: &str = "score --model model --rows rows.jsonl --out scores.jsonl";
const RUN: &str = "run model --survey survey.toml --passages 1 --episodes 0 --value face --rank 2 \
    --rows 9";

/// The stand-in, unless there is no C++ compiler.
fn stand_in() -> Option<&'static StandIn> {
    static BUILT: OnceLock<Result<StandIn, String>> = OnceLock::new();
    match BUILT.get_or_init(StandIn::build) {
        Ok(stand_in) => Some(stand_in),
        Err(why) => {
            eprintln!("skipped: the stand-in for a card: {why}");
            None
        }
    }
}

/// Runs a command on a stand-in with these settings.
fn run(bench: &Bench, words: &str, settings: &[(&str, &str)]) -> Said {
    let mut command = bench.command(words);
    stand_in().unwrap().show_to(&mut command);
    command.envs(settings.iter().copied()).output().unwrap().into()
}

/// A bench with rows to score and to train on; `None` where there is no stand-in.
fn bench() -> Option<Bench> {
    stand_in()?;
    let bench = Bench::new();
    bench.write(
        "rows.jsonl",
        "{\"prompt\": \"Is it so? \", \"candidates\": [\"yes\", \"no\"], \"completion\": \"yes\"}\n\
         {\"prompt\": \"Is it sooth? \", \"candidates\": [\"aye\", \"no\"], \"completion\": \"no\"}\n",
    );
    Some(bench)
}

fn scores(bench: &Bench) -> Vec<f64> {
    let lines = bench.read_lines("scores.jsonl");
    let scores = lines.iter().flat_map(|line| line["scores"].as_array().unwrap());
    scores.map(|score| score.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], most: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= most, "{found} instead of {expected}");
    }
}

#[test]
fn a_card_is_listed_and_taken_by_itself() {
    let Some(bench) = bench() else { return };
    for words in ["models", "--version"] {
        let said = run(&bench, words, &[("AXIA_STAND_IN_CARDS", "2")]);
        let card = "Stand-in card, 8 GiB, compute capability 9.0";
        assert_eq!(said.code, 0, "{said:?}");
        for line in [format!("cuda:0: {card}"), format!("cuda:1: {card}")] {
            assert!(said.out.contains(&line), "{words}: {said:?}");
        }
    }
    bench.ok(&format!("{SCORE} --device cpu"));
    let expected = scores(&bench);
    for (flags, most) in [
        ("--precision f32", 1e-4),
        ("--device cuda:0 --precision tf32", 1e-4),
        ("--device cuda:0", 0.1),
    ] {
        let said = run(&bench, &format!("{SCORE} --time-kernels {flags}"), &[]);
        assert_eq!(said.code, 0, "{flags}: {said:?}");
        assert_near(&scores(&bench), &expected, most);
        // Kernels are only timed on a card.
        let told: Json = serde_json::from_str(&said.out).unwrap();
        assert!(told["kernels"].as_array().is_some_and(|all| !all.is_empty()), "{said:?}");
    }
    assert!(scores(&bench) != expected, "bf16 rounds");
}

#[test]
fn a_whole_study_on_a_card_finds_what_the_cpu_does() {
    let Some(bench) = bench() else { return };
    bench.ok(&format!("{RUN} --posts 1 --device cpu --out cpu"));
    let said =
        run(&bench, &format!("{RUN} --posts 1 --device cuda:0 --precision f32 --out card"), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let numbers = |name: &str| -> Vec<f64> {
        let results = bench.read_json(&format!("{name}/results.json"));
        assert_eq!(results["shifts"].as_array().unwrap().len(), 2);
        let mut found = Vec::new();
        ["respondents", "shifts", "perplexity", "judgement"]
            .iter()
            .for_each(|part| collect(&results[part], &mut found));
        found
    };
    let expected = numbers("cpu");
    assert!(expected.len() > 100, "{}", expected.len());
    assert_near(&numbers("card"), &expected, 2e-3);
}

/// All numbers in a value.
fn collect(value: &Json, found: &mut Vec<f64>) {
    match value {
        Json::Number(number) => found.extend(number.as_f64()),
        Json::Array(all) => all.iter().for_each(|one| collect(one, found)),
        Json::Object(all) => all.values().for_each(|one| collect(one, found)),
        _ => {}
    }
}

#[test]
fn a_card_that_cannot_be_used_is_explained() {
    let Some(bench) = bench() else { return };
    let cases = [
        ("cuda:1", ("AXIA_STAND_IN_CARDS", "1"), "there is no cuda:1: the driver sees 1 card(s)"),
        ("cuda:0", ("AXIA_STAND_IN_CARDS", "0"), "the NVIDIA driver sees no card"),
        ("cuda:0", ("AXIA_STAND_IN_DRIVER", "11040"), "speaks CUDA 11.4, and axia needs 12.0"),
    ];
    for (device, setting, why) in cases {
        let said = run(&bench, &format!("{SCORE} --device {device}"), &[setting]);
        assert_eq!(said.code, 2, "{said:?}");
        let is_explained = said.err.contains(why) && said.err.contains("--device cpu");
        assert!(is_explained && said.out.is_empty(), "{said:?}");
    }
    let said = run(&bench, SCORE, &[("AXIA_STAND_IN_DRIVER", "11040")]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("computing on the CPU: the NVIDIA driver is too old"), "{said:?}");
}

#[test]
fn full_memory_says_what_would_fit() {
    let Some(bench) = bench() else { return };
    // The workspace of products alone takes 32 MiB.
    let tight = ("AXIA_STAND_IN_MEMORY", "33000000");
    let said = run(&bench, &format!("{SCORE} --device cuda:0"), &[tight]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("memory is full"), "{said:?}");

    let row = json!({"prompt": "é".repeat(150), "candidates": ["a", "b"], "completion": "yes"});
    bench.write("rows.jsonl", &format!("{row}\n"));
    let train =
        "train --model model --rows rows.jsonl --rank 2 --steps 2 --device cuda:0 --save out";
    let mut says_how_many = 0;
    for limit in (33_600_000..40_000_000).step_by(800_000) {
        let said = run(&bench, train, &[("AXIA_STAND_IN_MEMORY", &limit.to_string())]);
        if said.code == 0 {
            assert!(says_how_many > 0, "{limit}: the model fits, but no failed step said {said:?}");
            return;
        }
        assert_eq!(said.code, 1, "{limit}: {said:?}");
        assert!(said.err.contains("memory is full"), "{limit}: {said:?}");
        assert!(!bench.path("out").exists());
        says_how_many += usize::from(said.err.contains("--max-tokens-per-step"));
    }
    panic!("it never fits");
}

#[test]
fn a_card_that_fails_leaves_nothing_half_written() {
    let Some(bench) = bench() else { return };
    let train =
        "train --model model --rows rows.jsonl --rank 2 --steps 3 --device cuda:0 --save out";
    let said = run(&bench, train, &[("AXIA_STAND_IN_LAUNCHES", "400")]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("CUDA_ERROR_LAUNCH_FAILED"), "{said:?}");
    assert!(said.out.is_empty() && !bench.path("out").exists(), "{said:?}");
    // A few kernels in, while the card is tried out.
    let said = run(&bench, train, &[("AXIA_STAND_IN_LAUNCHES", "5")]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(!said.err.contains("panicked"), "{said:?}");
    // A study that was cut short goes on where it was.
    let on_card = format!("{RUN} --posts 0 --device cuda:0 --out out");
    let said = run(&bench, &on_card, &[("AXIA_STAND_IN_LAUNCHES", "700")]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(!bench.path("out/results.json").exists());
    let said = run(&bench, &on_card, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(bench.path("out/report.html").exists());
}

#[test]
fn compiled_kernels_are_kept() {
    let Some(bench) = bench() else { return };
    assert_eq!(run(&bench, &format!("{SCORE} --device cuda:0"), &[]).code, 0);
    let kept = bench.files("cache/kernels");
    assert!(kept.len() > 5, "{:?}", kept.keys());
    assert_eq!(run(&bench, &format!("{SCORE} --device cuda:0"), &[]).code, 0);
    assert_eq!(bench.files("cache/kernels"), kept);
}

#[test]
fn libraries_are_found_in_a_python_environment() {
    let Some(bench) = bench() else { return };
    let scattered = StandIn::build().unwrap();
    let packages = bench.path("venv/lib/python3.11/site-packages/nvidia");
    scattered.move_library("libnvrtc.so.12", &packages.join("cuda_nvrtc/lib"));
    scattered.move_library("libcublasLt.so.12", &packages.join("cublas/lib"));
    let run = |settings: &[(&str, std::path::PathBuf)]| -> Said {
        let mut command = bench.command(&format!("{SCORE} --device cuda:0"));
        scattered.show_to(&mut command);
        command.envs(settings.iter().map(|(name, path)| (name, path))).output().unwrap().into()
    };
    let said = run(&[]);
    assert_eq!(said.code, 2, "{said:?}");
    let missing =
        "NVRTC (libnvrtc) is missing; install the CUDA toolkit (or PyPI's nvidia-cuda-nvrtc";
    assert!(said.err.contains(missing), "{said:?}");
    let said = run(&[("VIRTUAL_ENV", bench.path("venv"))]);
    assert_eq!(said.code, 0, "{said:?}");
    let named =
        std::env::join_paths([packages.join("cuda_nvrtc/lib"), packages.join("cublas/lib")]);
    let said = run(&[("AXIA_CUDA_LIBRARIES", named.unwrap().into())]);
    assert_eq!(said.code, 0, "{said:?}");
}

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
