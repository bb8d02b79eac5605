//! Perplexity on neutral text, as a stage of a run.

use crate::bench::Bench;
use axia::stage::perplexity::PassageSet;
use serde_json::{Value as Json, json};

const RUN: &str = "run model --survey survey.toml --posts 0 --episodes 0 --value face --rank 2 \
    --rows 27 --out out";

fn readings(bench: &Bench, name: &str) -> (String, Vec<Json>) {
    let files = bench.files("out");
    let end = format!("/{name}.jsonl");
    let is_it = |file: &&String| file.starts_with("perplexity/") && file.ends_with(&end);
    let path = format!("out/{}", files.keys().find(is_it).unwrap());
    let lines = bench.read_lines(&path);
    (path, lines)
}

#[test]
fn everybody_reads_the_passages_as_they_would_be_scored() {
    let bench = Bench::new();
    bench.ok(&format!("{RUN} --passages 2"));
    let results = bench.read_json("out/results.json");
    let perplexity = &results["perplexity"];
    assert_eq!(
        (&perplexity["count"], &perplexity["passages"]),
        (&json!(2), &json!("axia-neutral-text"))
    );
    let names = ["base", "control", "face-down", "face-up"];
    let passages = &PassageSet::bundled().passages[..2];
    let rows: Vec<String> = passages
        .iter()
        .map(|passage| {
            let (first, rest) = passage.text.split_at(1);
            json!({"prompt": first, "candidates": [rest]}).to_string()
        })
        .collect();
    bench.write("rows.jsonl", &(rows.join("\n") + "\n"));
    for (index, name) in names.into_iter().enumerate() {
        let (_, found) = readings(&bench, name);
        let adapter = match name {
            "base" => String::new(),
            _ => format!("--adapter out/adapters/{name}"),
        };
        bench.ok(&format!("score --model model --rows rows.jsonl {adapter} --out scores.jsonl"));
        let scores = bench.read_lines("scores.jsonl");
        let (mut nats, mut tokens) = (0.0, 0.0);
        for ((reading, score), passage) in found.iter().zip(&scores).zip(passages) {
            assert_eq!(reading["passage"], json!(passage.id));
            // The tiny model has a token for every byte.
            assert_eq!(reading["tokens"], json!(passage.text.len() - 1));
            let (own, expected) = (&reading["log_likelihood"], &score["scores"][0]);
            let (own, expected) = (own.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((own - expected).abs() < 1e-2, "{name}: {own} instead of {expected}");
            nats -= own;
            tokens += reading["tokens"].as_f64().unwrap();
        }
        let one = &perplexity["respondents"][index];
        assert_eq!(one["name"], json!(name));
        let value = one["perplexity"]["value"].as_f64().unwrap();
        assert!((value / (nats / tokens).exp() - 1.0).abs() < 1e-9, "{name}: {value}");
    }
    assert_eq!(perplexity["changes"].as_array().unwrap().len(), 5);
    let page = bench.read("out/report.html");
    assert!(page.contains("id=\"perplexity\"") && page.contains("2\u{a0}passages"));
    assert!(bench.read("out/results.csv").contains("face-down,perplexity,neutral-text,"));
}

#[test]
fn a_killed_reading_goes_on() {
    let bench = Bench::new();
    let words = format!("{RUN} --passages 8");
    bench.ok(&words);
    let before = bench.read_json("out/results.json")["perplexity"].clone();
    let (path, rows) = readings(&bench, "face-up");
    // As a run leaves it that was killed in the seventh passage.
    let text: Vec<String> = rows[..6].iter().map(Json::to_string).collect();
    bench.write(&format!("{path}.part"), &(text.join("\n") + "\n{\"passa"));
    std::fs::remove_file(bench.path(&path)).unwrap();
    let said = bench.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(readings(&bench, "face-up").1, rows);
    assert_eq!(bench.read_json("out/results.json")["perplexity"], before);
    let again = bench.run(&words);
    assert_eq!((again.code, again.err.as_str()), (0, ""), "nothing is read again");
    bench.fails(&format!("{RUN} --passages 3"), 2, &["perplexity.count was 8 and now is 3"]);
}

#[test]
fn nothing_is_read_where_nothing_is_asked() {
    let bench = Bench::new();
    bench.ok(&format!("{RUN} --passages 0"));
    assert!(bench.read_json("out/results.json")["perplexity"].is_null());
    assert!(!bench.read("out/report.html").contains("id=\"perplexity\""));
    bench.ok(
        "steer model --survey survey.toml --value face --direction up --rank 2 --rows 27 --out up",
    );
    assert!(bench.read_json("up/results.json")["perplexity"].is_null());
}
