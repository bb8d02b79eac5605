//! `axia serve --run`: the respondents of a finished run.

use crate::bench::Bench;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::process::Child;

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
