//! Models and adapters that cannot be used.

use crate::bench::{Bench, Said};
use crate::model::Recipe;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

const SCORE: &str = "score --rows rows.jsonl --model";

fn bench(recipe: &Recipe) -> Bench {
    let bench = Bench::with_model(recipe);
    bench.write("rows.jsonl", "{\"prompt\": \"a\", \"candidates\": [\"b\"]}\n");
    bench
}

#[test]
fn names_that_mean_no_model_are_explained() {
    let bench = bench(&Recipe::default());
    for (name, parts) in [
        ("smollm2-135m-instrukt", ["unknown model", "did you mean `smollm2-135m-instruct`?"]),
        ("./nowhere", ["`./nowhere`", "no file or folder"]),
        ("rows.jsonl", ["`rows.jsonl`", ".gguf"]),
        ("a/b/c", ["a/b/c", "no file or folder"]),
        ("cache", ["cache", "unknown model"]),
    ] {
        bench.fails(&format!("{SCORE} {name}"), 2, &parts);
    }
    bench.fails(&format!("{SCORE} org/name"), 1, &["HF_HUB_OFFLINE", "org/name"]);
    bench.fails(SCORE, 2, &["--model"]);
}

#[test]
fn an_architecture_that_is_not_supported_is_named() {
    let bench = bench(&Recipe { architecture: "MambaForCausalLM", ..Recipe::default() });
    bench.fails(
        &format!("{SCORE} model"),
        2,
        &["config.json", "`MambaForCausalLM`", "LlamaForCausalLM"],
    );
}

#[test]
fn a_folder_that_lacks_something_says_what() {
    let bench = bench(&Recipe::default());
    let score = format!("{SCORE} model");
    for (file, part) in [
        ("tokenizer.json", "no tokenizer.json"),
        ("model.safetensors", "neither model.safetensors nor"),
        ("config.json", "no config.json"),
    ] {
        let bytes = std::fs::read(bench.path("model").join(file)).unwrap();
        std::fs::remove_file(bench.path("model").join(file)).unwrap();
        bench.fails(&score, 2, &["model", part]);
        std::fs::write(bench.path("model").join(file), bytes).unwrap();
    }
    bench.ok(&score);
}

#[test]
fn damaged_files_are_named() {
    let bench = bench(&Recipe::default());
    let score = format!("{SCORE} model");
    let weights = bench.path("model/model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    for length in [0, 7, 100, whole.len() - 1] {
        std::fs::write(&weights, &whole[..length]).unwrap();
        bench.fails(&score, 2, &["model.safetensors"]);
    }
    std::fs::write(&weights, whole).unwrap();
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        let text = bench.read(&format!("model/{file}"));
        bench.write(&format!("model/{file}"), &text[..text.len() / 2]);
        bench.fails(&score, 2, &[file]);
        bench.write(&format!("model/{file}"), &text);
    }
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    for name in [
        "model.layers.1.mlp.down_proj.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.1.input_layernorm.weight",
        "lm_head.weight",
    ] {
        let bench = bench(&Recipe { broken_tensor: Some(name), ..Recipe::default() });
        bench.write("train.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
        let parts = ["model.safetensors", name, "NaN"];
        bench.fails(&format!("{SCORE} model"), 2, &parts);
        bench.fails("train --rows train.jsonl --rank 1 --model model", 2, &parts);
        bench.fails("profile model --survey survey.toml", 2, &parts);
    }
}

#[test]
fn a_model_that_computes_no_number_cannot_be_sampled() {
    let name = "model.layers.1.mlp.down_proj.weight";
    let bench = bench(&Recipe { broken_tensor: Some(name), ..Recipe::default() });
    let words = "profile model --survey survey.toml --readout sampled";
    bench.fails(words, 2, &["model.safetensors", name, "NaN"]);
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let bench = bench(&Recipe::default());
    Recipe { hidden: 48, ..Recipe::default() }.write(&bench.path("other"));
    bench.write("train.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
    let train = "train --rows train.jsonl --rank 2 --batch 1 --steps 1 --model";
    bench.ok(&format!("{train} other --save adapter"));
    let parts = ["`adapter`", "`model`", "does not fit"];
    bench.fails(&format!("{SCORE} model --adapter adapter"), 2, &parts);
    bench.fails(&format!("{train} model --init adapter"), 2, &parts);
    bench.fails("profile model --survey survey.toml --adapter adapter", 2, &parts);
    bench.ok(&format!("{SCORE} other --adapter adapter"));

    let path = bench.path("adapter/adapter_model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    bench.fails(&format!("{SCORE} other --adapter adapter"), 2, &["adapter_model.safetensors"]);
}

/// Long enough to be caught at work.
const RUN: &str = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --epochs 40 --batch 4 --out";
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `path` is there; panics if the child ends before.
fn wait_for(path: &Path, child: &mut Child) {
    let started = Instant::now();
    while !path.exists() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}) before it made {}", path.display());
        assert!(started.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The same with the paper's labels, for which the control is trained, too.
fn hard(out: &str) -> String {
    format!("{RUN} {out} --anchors hard")
}

/// Losses of all steps and epochs, without times.
fn losses(bench: &Bench, out: &str) -> Vec<String> {
    let records = ["control", "face-down", "face-up"].iter().flat_map(|name| {
        let summary = bench.read_json(&format!("{out}/training/{name}.json"));
        let history = &summary["history"];
        let steps = history["steps"].as_array().unwrap().clone();
        let validations = history["validations"].as_array().unwrap().clone();
        [steps, validations].concat()
    });
    records.map(|record| record["loss"].to_string()).collect()
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    bench.ok(&hard("whole"));
    killed_at(
        &bench,
        &hard("cut"),
        &[
            "checkpoints/control.safetensors",
            "responses/control.jsonl",
            "checkpoints/face-down.safetensors",
        ],
    );
}

#[test]
fn a_killed_run_with_soft_anchors_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    bench.ok(&format!("{RUN} whole --language-kl 0.2"));
    killed_at(
        &bench,
        &format!("{RUN} cut --language-kl 0.2"),
        &[
            "baseline/distributions.jsonl.part",
            "checkpoints/face-down.safetensors",
            "validation/face-down-x0.5.jsonl",
            "frontier/face-down.json",
            "checkpoints/face-up.safetensors",
        ],
    );
}

/// Kills the run in `cut` as soon as each of `files` is there, lets it go on, and compares it with the
/// one in `whole`.
fn killed_at(bench: &Bench, words: &str, files: &[&str]) {
    for at in files {
        let mut child = bench.command(words).spawn().unwrap();
        wait_for(&bench.path("cut").join(at), &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!bench.path("cut/results.json").exists(), "{at}: it was over already");
    }
    bench.ok(words);
    let (whole, cut) = (bench.numbers("whole"), bench.numbers("cut"));
    let differ: Vec<&String> =
        whole.keys().filter(|file| cut.get(*file) != whole.get(*file)).collect();
    assert!(differ.is_empty(), "{differ:?} differ");
    let more: Vec<&String> = cut.keys().filter(|file| !whole.contains_key(*file)).collect();
    assert!(more.is_empty(), "{more:?} are there besides");
    assert_eq!(losses(bench, "whole"), losses(bench, "cut"));
    assert!(!bench.path("cut/checkpoints/face-up.safetensors").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    use rustix::process::{Pid, Signal, kill_process};

    let bench = Bench::new();
    bench.ok(&hard("whole"));
    for at in
        ["manifest.json", "checkpoints/control.safetensors", "checkpoints/face-down.safetensors"]
    {
        let mut child = bench.command(&hard("cut")).spawn().unwrap();
        wait_for(&bench.path("cut").join(at), &mut child);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{at}: {said:?}");
        assert!(said.err.contains("stopped: the work so far is kept in `cut`"), "{at}: {said:?}");
        assert!(said.err.contains("goes on from there"), "{at}: {said:?}");
    }
    bench.ok(&hard("cut"));
    assert_eq!(bench.numbers("whole"), bench.numbers("cut"));
    assert_eq!(losses(&bench, "whole"), losses(&bench, "cut"));
}

#[test]
fn what_a_killed_write_left_behind_is_no_foreign_file() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).unwrap();
    bench.write("out/.tmpAbC123", "half a manifest");
    bench.ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out out");
}
