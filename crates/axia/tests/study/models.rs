//! Models and adapters that cannot be used.

use crate::bench::Bench;
use crate::model::Recipe;

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
