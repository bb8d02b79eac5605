//! Steering towards a target.

use crate::bench::Bench;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::process::Child;

const STEER: &str = "steer model --survey survey.toml --rank 2 --rows 27 --out out";

#[test]
fn a_target_file_gives_a_steered_respondent_of_its_name() {
    let bench = Bench::new();
    let target = "name = \"gentle\"\n[ratings]\nface = 2\nhumility = 6\n";
    bench.write("target.toml", target);
    let results = bench.json(&format!("{STEER} --target target.toml --json"));
    let names: Vec<_> =
        results["respondents"].as_array().unwrap().iter().map(|r| r["name"].clone()).collect();
    assert_eq!(names, ["base", "control", "gentle"]);
    let values = results["shifts"][0]["shift"]["against_control"]["values"].as_array().unwrap();
    let goals: Vec<_> =
        values.iter().map(|v| (v["dimension"].clone(), v["goal"].clone())).collect();
    let expected = [("hedonism", None), ("face", Some(2)), ("humility", Some(6))];
    assert_eq!(goals, expected.map(|(value, goal)| (value.into(), goal.into())));
    assert!(bench.path("out/adapters/gentle/adapter_model.safetensors").exists());

    let manifest = bench.read_json("out/manifest.json");
    assert_eq!(manifest["targets"][0]["goals"], serde_json::json!({"face": 2, "humility": 6}));
    bench.write("target.toml", &target.replace("= 2", "= 3"));
    bench.fails(&format!("{STEER} --target target.toml"), 2, &["`out`", "targets"]);
}

#[test]
fn one_value_is_steered_one_way() {
    let bench = Bench::new();
    let results = bench.json(&format!("{STEER} --value Hedonism --direction up --json"));
    assert_eq!(results["respondents"][2]["name"], "hedonism-up");
    assert_eq!(results["respondents"].as_array().unwrap().len(), 3);
}

#[test]
fn bad_targets_are_refused_before_anything_is_computed() {
    let bench = Bench::new();
    let rated = "[ratings]\nface = 1\n";
    for (text, parts) in [
        ("[ratings]\nfacee = 1\n".to_owned(), ["`facee`", "did you mean `face`?"]),
        (String::new(), ["target.toml", "rates no value"]),
        ("name = \"x\"\n[ratings]\n".to_owned(), ["target.toml", "rates no value"]),
        ("[ratings]\nface = 7\n".to_owned(), ["`face`", "7"]),
        ("[ratings\n".to_owned(), ["target.toml", "line 1"]),
        ("[ratings]\nstimulation = 1\n".to_owned(), ["target", "face"]),
        // The name becomes a folder, beside those of base and control.
        (format!("name = \"control\"\n{rated}"), ["`control`", "name"]),
        (format!("name = \"base\"\n{rated}"), ["`base`", "name"]),
        (format!("name = \"../../elsewhere\"\n{rated}"), ["`../../elsewhere`", "name"]),
        (format!("name = \"\"\n{rated}"), ["``", "name"]),
    ] {
        bench.write("target.toml", &text);
        bench.fails(&format!("{STEER} --target target.toml"), 2, &parts);
        assert!(!bench.path("out").exists(), "{text}");
    }
    bench.fails(&format!("{STEER} --target none.toml"), 2, &["none.toml"]);
}

#[test]
fn value_and_direction_go_together() {
    let bench = Bench::new();
    bench.write("target.toml", "[ratings]\nface = 1\n");
    bench.fails(STEER, 2, &["--value"]);
    bench.fails(&format!("{STEER} --value face"), 2, &["--direction"]);
    bench.fails(&format!("{STEER} --direction up"), 2, &["--value"]);
    bench.fails(&format!("{STEER} --value face --direction left"), 2, &["left", "down", "up"]);
    bench.fails(&format!("{STEER} --value face --target target.toml"), 2, &["--target"]);
}

#[test]
fn a_trait_may_have_any_name() {
    let bench = Bench::new();
    let survey =
        bench.read("survey.toml").replace("value = \"face\"", "dimension = \"Openness/Intellect\"");
    bench.write("survey.toml", &survey);
    bench.ok(
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value openness/intellect --rank 2 --rows 27",
    );
    let adapter = "runs/Openness-Intellect/adapters/Openness-Intellect-up/README.md";
    assert!(bench.path(adapter).exists());
}

/// Rows of one item share a step under `grouped`, which is cheaper, and are spread over all steps
/// under `random`, the textbook's way. Once trained to the end, over three seeds, the drops on
/// held-out items agree within their intervals.
#[test]
fn grouped_and_random_order_reach_the_same_held_out_drop() {
    let bench = Bench::new();
    let drop = |order: &str| {
        let results = bench.json(&format!(
            "steer model --survey survey.toml --value face --direction up --preset paper --rank 4 \
             --lr 0.01 --batch 8 --epochs 60 --order {order} --out {order} --json"
        ));
        let drop = &results["shifts"][0]["shift"]["against_control"]["target_drop"];
        ["low", "value", "high"].map(|part| drop["macro_average"][part].as_f64().unwrap())
    };
    let ([low, grouped, high], [other_low, random, other_high]) = (drop("grouped"), drop("random"));
    let overlap = low <= other_high && other_low <= high;
    assert!(overlap, "{grouped} [{low}, {high}] and {random} [{other_low}, {other_high}]");
    assert!(grouped > 1.0 && random > 1.0, "little was learnt: {grouped}, {random}");
}

const RUN: &str = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 \
    --rows 27 --anchors hard --out out";

/// A process that does not outlive its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read(response: ureq::http::Response<ureq::Body>) -> Json {
    serde_json::from_str(&response.into_body().read_to_string().unwrap()).unwrap()
}

#[test]
fn every_respondent_of_a_run_answers_as_its_adapter_scores() {
    let bench = Bench::new();
    bench.ok(RUN);
    let mut served = Served(bench.command("serve --run out --port 0").spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim();

    let list = read(ureq::get(format!("{address}/models")).call().unwrap());
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["model", "model:control", "model:face-down", "model:face-up"]);

    bench.write("rows.jsonl", "{\"prompt\": \"R\", \"candidates\": [\"ating: 6\"]}\n");
    let mut sums = Vec::new();
    for name in names {
        let adapter = match name.split_once(':') {
            Some((_, adapter)) => format!("--adapter out/adapters/{adapter}"),
            None => String::new(),
        };
        bench.ok(&format!("score --model model --rows rows.jsonl {adapter} --out scores.jsonl"));
        let expected = bench.read_lines("scores.jsonl")[0]["scores"][0].as_f64().unwrap();
        let body = json!({
            "model": name, "prompt": "Rating: 6", "max_tokens": 0, "echo": true, "logprobs": 1,
        });
        let answer = ureq::post(format!("{address}/completions")).send(body.to_string()).unwrap();
        let answer = read(answer);
        let log_probs = answer["choices"][0]["logprobs"]["token_logprobs"].as_array().unwrap();
        let sum: f64 = log_probs.iter().filter_map(Json::as_f64).sum();
        assert!((sum - expected).abs() < 1e-4, "{name}: {sum} instead of {expected}");
        sums.push(sum);
    }
    sums.sort_by(f64::total_cmp);
    sums.dedup();
    assert_eq!(sums.len(), 4, "they differ: {sums:?}");
}

#[test]
fn adapters_are_not_put_on_other_weights() {
    let bench = Bench::new();
    bench.ok(RUN);
    std::fs::create_dir(bench.path("other")).unwrap();
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        std::fs::copy(bench.path("model").join(file), bench.path("other").join(file)).unwrap();
    }
    let weights = bench.path("other/model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    for words in [
        "serve other --run out --port 0",
        "judge out --model other --posts 3",
        "play out --model other --episodes 1",
    ] {
        bench.fails(words, 2, &["`out`", "other weights of `model`", "`other`"]);
    }
}
