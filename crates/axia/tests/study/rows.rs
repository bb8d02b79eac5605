//! The plain tools: `axia score` and `axia train`.

use crate::bench::Bench;
use serde_json::{Value as Json, json};

const SCORE: &str = "score --model model --rows rows.jsonl";
const TRAIN: &str = "train --model model --rows rows.jsonl --rank 2 --batch 2";

impl Bench {
    fn write_rows(&self, name: &str, rows: &[Json]) {
        let lines: Vec<String> = rows.iter().map(Json::to_string).collect();
        self.write(name, &(lines.join("\n") + "\n"));
    }

    fn scores(&self, words: &str) -> Vec<Json> {
        self.json(&format!("{words} --out scores.jsonl"));
        self.read_lines("scores.jsonl")
    }
}

fn keys(object: &Json) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn training_rows() -> [Json; 2] {
    [
        json!({"prompt": "Is it so? ", "completion": "Yes."}),
        json!({"prompt": "Is it good? ", "completion": "No."}),
    ]
}

#[test]
fn texts_and_ids_are_scored_alike() {
    let bench = Bench::new();
    bench.write_rows(
        "rows.jsonl",
        &[
            json!({"id": "text", "prompt": "Rate é: ", "candidates": ["1", "10", "no"]}),
            json!({"id": 2, "prompt_ids": "Rate é: ".as_bytes(),
            "candidates_ids": [[49], [49, 48], [110, 111]]}),
            json!({"prompt": "Rate é: ", "candidates_ids": [[257]]}),
        ],
    );
    let said = bench.json(SCORE);
    assert_eq!(keys(&said), ["rows_per_s", "seconds", "peak_rss_mib", "unique_tokens"]);
    // The prompt's nine bytes once, and the first of each two-byte candidate.
    assert_eq!(said["unique_tokens"], 9 + 2);
    assert!(said["rows_per_s"].as_f64().unwrap() > 0.0);

    let scores = bench.scores(SCORE);
    assert_eq!(
        scores.iter().map(|row| &row["id"]).collect::<Vec<_>>(),
        [&json!("text"), &json!(2), &Json::Null]
    );
    assert_eq!(scores[0]["scores"], scores[1]["scores"]);
    let log_p: Vec<f64> =
        scores[0]["scores"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
    assert!(log_p.iter().all(|p| *p < 0.0) && log_p[1] < log_p[0], "{log_p:?}");
    assert_eq!(bench.scores(&format!("{SCORE} --limit 1")).len(), 1);
    let few = bench.scores(&format!("{SCORE} --max-tokens 1"));
    for (few, all) in few.iter().zip(&scores) {
        for (few, all) in
            few["scores"].as_array().unwrap().iter().zip(all["scores"].as_array().unwrap())
        {
            assert!((few.as_f64().unwrap() - all.as_f64().unwrap()).abs() < 1e-4);
        }
    }
}

#[test]
fn rows_of_ids_need_no_tokenizer() {
    let bench = Bench::new();
    let row =
        json!({"prompt_ids": [82, 97], "candidates_ids": [[49], [50, 51]], "completion_ids": [52]});
    bench.write_rows("rows.jsonl", &[row]);
    let expected = bench.scores(SCORE);
    let losses = bench.json(TRAIN)["losses"].clone();
    std::fs::remove_file(bench.path("model/tokenizer.json")).unwrap();
    assert_eq!(bench.scores(SCORE), expected);
    assert_eq!(bench.json(TRAIN)["losses"], losses);
    // A text cannot be turned into ids.
    let text = json!({"prompt": "a", "candidates_ids": [[49]], "completion_ids": [52]});
    bench.write_rows("rows.jsonl", &[text]);
    for words in [SCORE, TRAIN] {
        bench.fails(words, 2, &["`rows.jsonl`, line 1", "has no tokenizer.json"]);
    }
    bench.fails("profile model --survey survey.toml", 2, &["has no tokenizer.json"]);
}

/// A label that is all on one candidate is a completion of it; the weights of a label must be a
/// distribution.
#[test]
fn distributions_are_learnt() {
    let bench = Bench::new();
    let row = |label: Json| {
        let mut row = json!({"prompt": "Rate it: "});
        row.as_object_mut().unwrap().extend(label.as_object().unwrap().clone());
        row
    };
    let losses = |label: Json, more: &str| {
        bench.write_rows("rows.jsonl", &[row(label)]);
        let said = bench.json(&format!("{TRAIN} --steps 4 --lr 0.01 {more}"));
        said["losses"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let all_on_one = json!({"candidates": ["1", "2"], "weights": [0, 1]});
    let completion = losses(json!({"completion_ids": [50]}), "");
    let label = losses(all_on_one.clone(), "");
    assert!(completion.iter().zip(&label).all(|(a, b)| (a - b).abs() < 1e-5), "{label:?}");
    let ids = json!({"candidates_ids": [[49], [50]], "weights": [0.0, 1.0]});
    assert_eq!(losses(ids, ""), label);
    // Among two candidates there is less to learn than among all tokens.
    let among_two = losses(all_on_one, "--softmax candidates");
    assert!(among_two[0] < label[0] && among_two[3] < among_two[0], "{among_two:?}");
    for (label, parts) in [
        (json!({"candidates": ["1", "2"]}), ["line 1", "no `weights`"]),
        (
            json!({"candidates": ["1", "2"], "weights": [1]}),
            ["line 1", "2 candidates, but 1 weights"],
        ),
        (json!({"candidates": ["1", "2"], "weights": [1, 1]}), ["line 1", "add up to 2"]),
        (json!({"candidates": ["1", "2"], "weights": [2, -1]}), ["line 1", "a weight is -1"]),
        (json!({"candidates": [], "weights": []}), ["line 1", "at least one"]),
        (json!({"candidates": [""], "weights": [1]}), ["line 1", "candidate 1 is empty"]),
        (
            json!({"candidates": ["1"], "weights": [1], "completion": "1"}),
            ["line 1", "give one of them"],
        ),
    ] {
        bench.write_rows("rows.jsonl", &[row(label)]);
        bench.fails(TRAIN, 2, &parts);
    }
}

#[test]
fn the_probabilities_of_all_tokens_sum_to_one() {
    let bench = Bench::new();
    let all: Vec<[u32; 1]> = (0..258).map(|id| [id]).collect();
    bench.write_rows("rows.jsonl", &[json!({"prompt": "x", "candidates_ids": all})]);
    let scores = bench.scores(SCORE);
    let log_p = scores[0]["scores"].as_array().unwrap();
    let sum: f64 = log_p.iter().map(|log_p| log_p.as_f64().unwrap().exp()).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn texts_and_ids_are_learnt_alike() {
    let bench = Bench::new();
    bench.write_rows("rows.jsonl", &training_rows());
    let with_ids = training_rows().map(|row| {
        let bytes = |field: &str| row[field].as_str().unwrap().bytes().map(u32::from);
        let completion: Vec<u32> = bytes("completion").chain([257]).collect();
        json!({"prompt_ids": bytes("prompt").collect::<Vec<_>>(), "completion_ids": completion})
    });
    bench.write_rows("ids.jsonl", &with_ids);
    let texts = bench.json(&format!("{TRAIN} --steps 3 --lr 0.01 --save a"));
    let expected =
        ["rows_per_s", "tokens_per_s", "seconds", "peak_rss_mib", "losses", "unique_tokens"];
    assert_eq!(keys(&texts), expected);
    let losses = texts["losses"].as_array().unwrap();
    assert_eq!(losses.len(), 3);
    assert!(losses[2].as_f64() < losses[0].as_f64(), "{losses:?}");
    let ids = bench
        .json(&format!("{TRAIN} --steps 3 --lr 0.01 --save b").replace("rows.jsonl", "ids.jsonl"));
    assert_eq!(texts["losses"], ids["losses"]);
    assert_eq!(bench.files("a"), bench.files("b"));
    let again = bench.json(&format!("{TRAIN} --steps 3 --lr 0.01 --threads 1"));
    assert_eq!(texts["losses"], again["losses"], "threads decide nothing");
}

#[test]
fn the_first_loss_is_what_scoring_says() {
    let bench = Bench::new();
    bench.write_rows("rows.jsonl", &training_rows());
    let losses = bench.json(&format!("{TRAIN} --steps 1"))["losses"].clone();
    bench.write_rows(
        "scored.jsonl",
        &[
            json!({"prompt": "Is it so? ", "candidates": ["Yes.<|eos|>"]}),
            json!({"prompt": "Is it good? ", "candidates": ["No.<|eos|>"]}),
        ],
    );
    let scores = bench.scores("score --model model --rows scored.jsonl");
    let log_p: f64 = scores.iter().map(|row| row["scores"][0].as_f64().unwrap()).sum();
    // Five tokens and four.
    assert!((losses[0].as_f64().unwrap() + log_p / 9.0).abs() < 1e-5, "{losses} {log_p}");
}

#[test]
fn a_saved_adapter_is_taken_up_where_it_was() {
    let bench = Bench::new();
    bench.write_rows("rows.jsonl", &training_rows());
    let train = format!("{TRAIN} --lr 0.01");
    let whole = bench.json(&format!("{train} --steps 3"))["losses"].clone();
    let first = bench.json(&format!("{train} --steps 2 --save half"))["losses"].clone();
    let second = format!("{train} --steps 2 --init half --save");
    let resumed = bench.json(&format!("{second} a"))["losses"].clone();
    assert_eq!([&first[0], &first[1]], [&whole[0], &whole[1]]);
    assert_eq!(resumed[0], whole[2], "the weights came back to the last bit");
    assert_eq!(bench.json(&format!("{second} b"))["losses"], resumed);
    assert_eq!(bench.files("a"), bench.files("b"));
    assert_ne!(bench.files("a"), bench.files("half"));

    bench.write_rows("scored.jsonl", &[json!({"prompt": "Is it so? ", "candidates": ["Yes."]})]);
    let score = "score --model model --rows scored.jsonl";
    let [base, half] = ["", " --adapter half"]
        .map(|words| bench.scores(&format!("{score}{words}"))[0]["scores"][0].as_f64().unwrap());
    assert!(half > base, "{base} → {half}");
}

#[test]
fn bad_rows_are_named() {
    let bench = Bench::new();
    let good = json!({"prompt": "a", "candidates": ["b"]}).to_string();
    for (row, parts) in [
        ("{\"prompt\": \"a\"", ["`rows.jsonl`, line 3", "EOF"]),
        ("{\"prompt\": 5}", ["`rows.jsonl`, line 3", "string"]),
        ("{\"prompt_ids\": [-1]}", ["`rows.jsonl`, line 3", "-1"]),
        ("[]", ["`rows.jsonl`, line 3", "invalid"]),
        (
            "{\"candidates\": [\"b\"]}",
            ["`rows.jsonl`, line 3: ", "neither `prompt` nor `prompt_ids`"],
        ),
        ("{\"prompt\": \"a\"}", ["line 3", "neither `candidates` nor `candidates_ids`"]),
        ("{\"prompt\": \"\", \"candidates\": [\"b\"]}", ["line 3", "the prompt is empty"]),
        ("{\"prompt\": \"a\", \"candidates\": [\"b\", \"\"]}", ["line 3", "candidate 2 is empty"]),
        ("{\"prompt\": \"a\", \"candidates\": []}", ["line 3", "no candidates"]),
        ("{\"prompt_ids\": [258], \"candidates\": [\"b\"]}", ["line 3", "258"]),
    ] {
        // Blank lines count as lines.
        bench.write("rows.jsonl", &format!("{good}\n\n{row}\n"));
        bench.fails(SCORE, 2, &parts);
    }
    let good = json!({"prompt": "a", "completion": "b"}).to_string();
    for (row, parts) in [
        ("{\"prompt\": \"a\"", ["`rows.jsonl`, line 3", "EOF"]),
        ("{\"prompt\": \"a\"}", ["line 3", "neither `completion` nor `completion_ids`"]),
        ("{\"prompt\": \"\", \"completion\": \"b\"}", ["line 3", "the prompt is empty"]),
        ("{\"prompt\": \"a\", \"completion_ids\": []}", ["line 3", "the completion is empty"]),
        ("{\"prompt\": \"a\", \"completion_ids\": [9999]}", ["line 3", "9999"]),
    ] {
        bench.write("rows.jsonl", &format!("{good}\n\n{row}\n"));
        bench.fails(TRAIN, 2, &parts);
    }
    for command in [SCORE, TRAIN] {
        bench.write("rows.jsonl", "\n");
        bench.fails(command, 2, &["`rows.jsonl`", "no rows"]);
        bench.fails(&command.replace("rows.jsonl", "none.jsonl"), 2, &["`none.jsonl`"]);
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let bench = Bench::new();
    bench.write_rows("rows.jsonl", &training_rows());
    for (flag, parts) in [
        ("--rank 0", ["--rank", "at least 1"]),
        ("--batch 0", ["--batch", "at least 1"]),
        ("--steps 0", ["--steps", "at least 1"]),
        ("--lr -1", ["the learning rate", "positive"]),
        ("--max-tokens-per-step 0", ["token", "at least 1"]),
        ("--max-tokens-per-step many", ["--max-tokens-per-step", "auto or a number"]),
        ("--dtype float16", ["--dtype", "float32"]),
        ("--init none", ["`none`", "not a PEFT adapter"]),
    ] {
        let flagless = TRAIN.replace("--rank 2 --batch 2", "--alpha 4");
        bench.fails(&format!("{flagless} {flag}"), 2, &parts);
    }
    bench.write_rows("rows.jsonl", &[json!({"prompt": "a", "candidates": ["b"]})]);
    bench.fails(&format!("{SCORE} --adapter none"), 2, &["`none`", "not a PEFT adapter"]);
    bench.fails(&format!("{SCORE} --device cuda:99"), 2, &["--device cuda:99", "cpu"]);
    let timed = format!("{SCORE} --device cpu --time-kernels");
    bench.fails(&timed, 2, &["--time-kernels needs a card"]);
    bench.fails(&format!("{SCORE} --device gpu"), 2, &["'gpu' for '--device", "cuda:N"]);
    bench.fails(&format!("{SCORE} --threads 0"), 2, &["--threads", "at least 1"]);
    bench.fails(&format!("{SCORE} --out model/model.safetensors/x"), 1, &["model.safetensors/x"]);
}

#[test]
fn an_adapter_is_never_saved_over_something_else() {
    let bench = Bench::new();
    bench.write_rows("rows.jsonl", &training_rows());
    bench.fails(&format!("{TRAIN} --steps 1 --save model"), 2, &["`model`", "not an adapter"]);
    assert!(bench.path("model/config.json").exists());
}
