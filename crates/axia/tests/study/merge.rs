//! `axia merge` and `axia export --gguf`.

use crate::bench::Bench;
use axia::stage::perplexity::PassageSet;
use serde_json::{Value as Json, json};
use std::process::Command;

/// A bench with `adapter/`, trained for a few steps on `model/`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write(
        "rows.jsonl",
        "{\"prompt\": \"One and one is\", \"completion\": \" two\"}\n\
         {\"prompt\": \"The sky is\", \"completion\": \" blue\"}\n",
    );
    bench.ok("train --model model --rows rows.jsonl --batch 2 --steps 4 --rank 2 --lr 0.01 --save adapter");
    bench.write(
        "asked.jsonl",
        "{\"id\": 1, \"prompt\": \"One and one is\", \"candidates\": [\" two\", \" three\"]}\n\
         {\"id\": 2, \"prompt\": \"The sky\", \"candidates\": [\" is\", \"!\"]}\n",
    );
    bench
}

fn scores(bench: &Bench, how: &str) -> Vec<f64> {
    bench.ok(&format!("score {how} --rows asked.jsonl --out scores.jsonl"));
    let lines = bench.read_lines("scores.jsonl");
    let scores = lines.iter().flat_map(|line| line["scores"].as_array().unwrap());
    scores.map(|score| score.as_f64().unwrap()).collect()
}

fn gap(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_merged_model_scores_as_base_and_adapter_do() {
    let bench = bench();
    assert_eq!(bench.ok("merge adapter model --out merged").trim(), "merged");
    let expected = scores(&bench, "--model model --adapter adapter");
    assert!(gap(&scores(&bench, "--model model"), &expected) > 1e-2, "training changed nothing");
    assert!(gap(&scores(&bench, "--model merged"), &expected) < 1e-4);
    // The base that the adapter names, in several files of half precision.
    bench.ok("merge adapter --out half --dtype bfloat16 --max-shard-size 20kB");
    assert!(bench.path("half/model.safetensors.index.json").exists());
    assert!(gap(&scores(&bench, "--model half"), &expected) < 0.2);
    let config = bench.read_json("half/config.json");
    assert_eq!(config["torch_dtype"], "bfloat16");
    let card = bench.read("merged/README.md");
    assert!(card.starts_with("---\nbase_model: \"model\"\nlibrary_name: transformers\n"), "{card}");
}

/// At scale 0 an adapter is not there; half of it lies in between, as in a folder of half the alpha.
#[test]
fn adapters_are_turned_down_on_the_way() {
    let bench = bench();
    let [base, whole] =
        ["", "--adapter adapter"].map(|a| scores(&bench, &format!("--model model {a}")));
    for (scale, out) in [("0", "none"), ("0.5", "half"), ("1", "all")] {
        bench.ok(&format!("merge adapter model --scale {scale} --out {out}"));
    }
    let [none, half, all] =
        ["none", "half", "all"].map(|out| scores(&bench, &format!("--model {out}")));
    assert!(gap(&none, &base) < 1e-4 && gap(&all, &whole) < 1e-4);
    let mut config: Json = bench.read_json("adapter/adapter_config.json");
    config["lora_alpha"] = (config["lora_alpha"].as_f64().unwrap() / 2.0).into();
    bench.write("adapter/adapter_config.json", &config.to_string());
    assert!(gap(&half, &scores(&bench, "--model model --adapter adapter")) < 1e-4);
    assert!(gap(&half, &base) > 1e-3 && gap(&half, &whole) > 1e-3);
    bench.fails("merge adapter model --scale -1 --out out", 2, &["--scale", "at least 0"]);
    bench.fails("export adapter --inspect logs --scale 2", 2, &["--scale"]);
}

#[test]
fn what_cannot_be_merged_is_said() {
    let bench = bench();
    bench.fails("merge model model --out out", 2, &["`model` is not a PEFT adapter"]);
    bench.fails("merge adapter nonesuch --out out", 2, &["nonesuch"]);
    bench.fails("merge adapter model --out model", 2, &["`model` exists and is not an empty"]);
    bench.fails("merge adapter model --out out --max-shard-size 5XB", 2, &["5XB", "5GB"]);
    let mut config: Json = bench.read_json("adapter/adapter_config.json");
    config["base_model_name_or_path"] = "gone/model/of/mine".into();
    bench.write("adapter/adapter_config.json", &config.to_string());
    let parts = ["the base model that the adapter names", "gone/model/of/mine"];
    bench.fails("merge adapter --out out", 2, &parts);
    let said = bench.run("merge adapter model --out out");
    assert!(said.code == 0 && said.err.contains("trained on `gone/model/of/mine`"), "{said:?}");
    config["base_model_name_or_path"] = Json::Null;
    bench.write("adapter/adapter_config.json", &config.to_string());
    bench.fails("merge adapter --out out2", 2, &["name no base model"]);
    assert!(!bench.path("out2").exists());
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let bench = bench();
    std::fs::create_dir(bench.path("here")).unwrap();
    // Writing beyond the limit fails, as on a full disk, once the signal is ignored.
    let script =
        "trap '' XFSZ; ulimit -f 16 || exit 77; exec \"$0\" merge adapter model --out here/merged";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_axia")])
        .current_dir(bench.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("failed to merge into `here/merged`"), "{said}");
    assert!(said.contains("cannot write `here/merged/model.safetensors`"), "{said}");
    assert_eq!(bench.files("here").len(), 0, "nothing half written is left");
}

#[test]
fn adapters_become_lora_files() {
    let bench = bench();
    assert_eq!(bench.ok("export adapter --gguf lora.gguf").trim(), "lora.gguf");
    let bytes = std::fs::read(bench.path("lora.gguf")).unwrap();
    assert!(bytes.starts_with(b"GGUF"));
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for text in ["adapter.lora.alpha", "blk.1.ffn_down.weight.lora_b", "adapter"] {
        assert!(holds(text), "{text}");
    }
    bench.ok("export adapter --gguf again.gguf --base model");
    assert!(bytes == std::fs::read(bench.path("again.gguf")).unwrap());
    bench.fails("export adapter", 2, &["--gguf", "--inspect"]);
    bench.fails("export adapter --gguf a.gguf --inspect logs", 2, &["--gguf", "--inspect"]);
    bench.fails("export adapter --gguf nowhere/lora.gguf", 1, &["write `nowhere/lora.gguf`"]);
}

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
