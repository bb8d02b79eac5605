//! The model's tokenizer, and lists.

use crate::bench::Bench;
use serde_json::json;

#[test]
fn texts_and_tokens() {
    let bench = Bench::new();
    let answer = bench.ok("/tokenize", json!({"prompt": "aé<|eos|>", "add_special_tokens": false}));
    assert_eq!(answer["tokens"], json!([97, 195, 169, 257]));
    assert_eq!((&answer["count"], &answer["max_model_len"]), (&json!(4), &json!(4096)));
    assert!(answer["token_strs"].is_null());
    let body = json!({"model": "tiny:b", "prompt": "a<|eos|>", "return_token_strs": true});
    assert_eq!(bench.ok("/tokenize", body)["token_strs"], json!(["a", "<|eos|>"]));
    let answer = bench.ok("/detokenize", json!({"tokens": [97, 195, 169, 257]}));
    assert_eq!(answer, json!({"prompt": "aé<|eos|>"}));
    assert_eq!(bench.ok("/detokenize", json!({"tokens": []}))["prompt"], "");
    bench.refuses("/detokenize", &json!({"tokens": [258]}), 400, &["258"]);
    bench.refuses("/detokenize", &json!({"tokens": [-1]}), 400, &["`tokens`"]);
    bench.refuses("/tokenize", &json!({}), 400, &["`prompt` is missing"]);
    bench.refuses("/tokenize", &json!({"prompt": ["a"]}), 400, &["`prompt`"]);
}

#[test]
fn what_the_tokenizer_is() {
    let info = Bench::new().get("/tokenizer_info").json();
    assert_eq!((&info["bos_token"], &info["eos_token"]), (&json!("<|bos|>"), &json!("<|eos|>")));
    assert!(info["pad_token"].is_null());
    assert!(info["chat_template"].as_str().unwrap().contains("{% for m in messages %}"));
}

#[test]
fn models_are_listed() {
    let bench = Bench::new();
    let list = bench.get("/v1/models").json();
    assert_eq!(list["object"], "list");
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["tiny", "tiny:a", "tiny:b"]);
    let model = bench.get("/v1/models/tiny:a").json();
    assert_eq!(model, list["data"][1]);
    assert_eq!((&model["object"], &model["parent"]), (&json!("model"), &json!("tiny")));
    assert_eq!(bench.get("/v1/models/other").status, 404);
    assert_eq!(bench.get("/health").json(), json!({"status": "ok"}));
}
