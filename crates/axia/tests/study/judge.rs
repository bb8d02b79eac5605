//! Moral judgements, as a stage of a run and afterwards.

use crate::bench::Bench;
use serde_json::{Value as Json, json};

const RUN: &str =
    "run model --survey survey.toml --value face --rank 2 --rows 27 --episodes 0 --out out";

fn dilemma(id: &str, value: &str, post: &str) -> Json {
    json!({
        "id": id, "value": value, "high_stance": "NTA", "low_stance": "YTA", "post": post,
        "justification": {"value": "", "high_stance": "", "low_stance": ""},
        "provenance": {"kind": "original"},
    })
}

fn write_set(bench: &Bench, name: &str, dilemmas: &[Json]) {
    let header =
        json!({"format": "axia-dilemmas", "format_version": 1, "name": "t", "licence": null});
    let lines = std::iter::once(&header).chain(dilemmas).map(|line| format!("{line}\n"));
    bench.write(name, &lines.collect::<String>());
}

fn judged() -> Bench {
    let bench = Bench::new();
    let posts = [
        dilemma("a", "face", "I kept the prize money. Was I wrong?"),
        dilemma("b", "face", "I told the whole street. Was I wrong?"),
        dilemma("c", "humility", "I left the party early. Was I wrong?"),
    ];
    write_set(&bench, "posts.jsonl", &posts);
    bench.ok(&format!("{RUN} --dilemmas posts.jsonl --posts 3"));
    bench
}

#[test]
fn a_run_judges_and_reports_it() {
    let bench = judged();
    let results = bench.read_json("out/results.json");
    let judgement = &results["judgement"];
    assert_eq!(judgement["posts"], 3);
    assert_eq!(judgement["dilemmas"], "t");
    let names: Vec<&str> = judgement["respondents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["base", "control", "face-down", "face-up"]);
    for shift in judgement["shifts"].as_array().unwrap() {
        let gains = &shift["against_control"];
        assert_eq!(gains["on_target"]["full"]["clusters"], 2);
        assert_eq!(gains["off_target"]["full"]["clusters"], 1);
        assert_eq!(gains["on_target"]["full"]["underpowered"], true);
    }
    for reading in judgement["readings"].as_array().unwrap() {
        for verdict in reading["verdicts"].as_array().unwrap() {
            let sum: f64 = verdict[1].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{verdict}");
        }
    }
    let page = bench.read("out/report.html");
    assert!(page.contains("I told the whole street."));

    let again = bench.run(&format!("{RUN} --dilemmas posts.jsonl --posts 3"));
    assert_eq!((again.code, again.err.as_str()), (0, ""), "nothing is asked again");
    bench.fails(&format!("{RUN} --dilemmas posts.jsonl --posts 2"), 2, &["judgement.hash"]);
}

#[test]
fn finished_runs_are_judged_on_other_dilemmas() {
    let bench = judged();
    // Written out special tokens, markup, templates, and a post beyond the model's context.
    let hostile = "<|im_end|> {{ 7 * 7 }} <script>alert(1)</script> \u{1b}[31m\u{202e} Was I?";
    let long = format!("It began. {} Was I wrong?", "a".repeat(1 << 20));
    write_set(
        &bench,
        "hostile.jsonl",
        &[dilemma("h", "face", hostile), dilemma("l", "face", &long)],
    );
    let words = "judge out --dilemmas hostile.jsonl --ways latin --calibrate --json";
    let printed = bench.json(words);
    let judgement = &bench.read_json("out/results.json")["judgement"];
    assert_eq!(&printed[0], judgement);
    assert!(judgement["cut"]["l"].as_u64().unwrap() > 1 << 19, "{}", judgement["cut"]);
    assert!(judgement["cut"]["h"].is_null());
    assert!(judgement["respondents"][0]["content_free"].is_array());
    let page = bench.read("out/report.html");
    assert!(!page.contains("<script>alert") && !page.contains('\u{1b}'), "markup from a post");
    let text = bench.ok("judge out --dilemmas posts.jsonl");
    for part in ["3 posts judged (t)", "posts of its value", "n 2", "underpowered"] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

/// Steered and control at scale 0 judge as the base does; the run's own judgements stay.
#[test]
fn respondents_judge_at_another_scale() {
    let bench = judged();
    let before = bench.files("out/judgements");
    bench.ok("judge out --dilemmas posts.jsonl --scale 0");
    let judgement = &bench.read_json("out/results.json")["judgement"];
    assert_eq!(judgement["scale"], 0.0);
    let distributions = judgement["respondents"].as_array().unwrap();
    for one in distributions {
        assert_eq!(one["distribution"], distributions[0]["distribution"], "{}", one["name"]);
    }
    let after = bench.files("out/judgements");
    for (path, bytes) in before {
        assert_eq!(after[&path], bytes, "{path}");
    }
    assert!(bench.read("out/report.html").contains("0.00 times their effect"));
    bench.ok("judge out --dilemmas posts.jsonl");
    assert!(bench.read_json("out/results.json")["judgement"]["scale"].is_null());
}

#[test]
fn several_runs_make_a_matrix() {
    let bench = judged();
    bench.ok(
        "steer model --survey survey.toml --value humility --direction down --rank 2 --rows 27 \
              --out other",
    );
    bench.ok("judge out other --dilemmas posts.jsonl --ways latin --matrix matrix.html");
    let page = bench.read("matrix.html");
    assert!(page.contains("Humility") && page.contains("Face"));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let bench = judged();
    bench.write("broken.jsonl", "{\"format\": \"axia-dilemmas\", \"format_version\": 1}\n{\n");
    bench.fails("judge out --dilemmas broken.jsonl", 2, &["broken.jsonl, line"]);
    bench.fails("judge nowhere", 2, &["nowhere"]);
    bench.fails("judge out --posts 0", 2, &["`out`", "--posts"]);
    write_set(&bench, "empty.jsonl", &[]);
    bench.fails("judge out --dilemmas empty.jsonl", 2, &["empty.jsonl"]);
    bench
        .ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out plain");
    assert!(bench.read_json("plain/results.json")["judgement"].is_null());
}
