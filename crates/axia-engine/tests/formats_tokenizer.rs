//! Tokenizers rebuilt from GGUF metadata and read from folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use axia_engine::checkpoint_files::HfFolder;
use axia_engine::gguf::{GgufFile, GgufHeader, GgufWriter, MetadataArray, MetadataValue};
use axia_engine::tokenizer::{Tokenizer, TokenizerError};
use proptest::prelude::*;
use serde::Deserialize;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

const END: &str = "<|end|>";
const NOTE: &str = "[note]";

/// Metadata of a byte-level tokenizer: all bytes, what `merges` make, a control and a user-defined token.
struct SmallVocabulary {
    entries: BTreeMap<&'static str, MetadataValue>,
}

fn text(value: &str) -> MetadataValue {
    MetadataValue::String(value.to_owned())
}

fn texts(values: Vec<String>) -> MetadataValue {
    MetadataValue::Array(MetadataArray::String(values))
}

impl SmallVocabulary {
    fn new(pre: &str, merges: &[&str]) -> Self {
        let mut tokens: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
        tokens.sort();
        tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
        let mut types = vec![1; tokens.len()];
        tokens.extend([END.to_owned(), NOTE.to_owned()]);
        types.extend([3, 4]);
        let eos = tokens.len() as u32 - 2;
        let merges = merges.iter().map(|merge| (*merge).to_owned()).collect();
        Self {
            entries: BTreeMap::from([
                ("tokenizer.ggml.model", text("gpt2")),
                ("tokenizer.ggml.pre", text(pre)),
                ("tokenizer.ggml.tokens", texts(tokens)),
                ("tokenizer.ggml.token_type", MetadataValue::Array(MetadataArray::I32(types))),
                ("tokenizer.ggml.merges", texts(merges)),
                ("tokenizer.ggml.eos_token_id", MetadataValue::U32(eos)),
            ]),
        }
    }

    fn with(mut self, key: &'static str, value: MetadataValue) -> Self {
        self.entries.insert(key, value);
        self
    }

    fn without(mut self, key: &str) -> Self {
        self.entries.remove(key);
        self
    }

    fn build(self) -> Result<Tokenizer, TokenizerError> {
        let mut file = GgufWriter::new();
        for (key, value) in self.entries {
            file = file.entry(key, value);
        }
        let header = GgufHeader::parse(&file.to_bytes(), Path::new("small.gguf")).unwrap();
        Tokenizer::from_gguf(&header.metadata)
    }
}

/// The tokens of a text, as the vocabulary writes them.
fn pieces(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let ids = tokenizer.encode(text).unwrap();
    ids.iter().map(|id| tokenizer.id_to_token(*id).unwrap()).collect()
}

const MERGES: [&str; 6] = ["1 2", "12 3", "Ġ a", "Ġa b", "a b", "' s"];

#[test]
fn every_rule_cuts_words_its_own_way() {
    let pieces_under = |pre: &str, text: &str| {
        pieces(&SmallVocabulary::new(pre, &MERGES).build().unwrap(), text).join("|")
    };
    // GPT-2 keeps digits together, also with the space before them.
    assert_eq!(pieces_under("gpt-2", "ab ab 1231's"), "ab|Ġab|Ġ|123|1|'s");
    assert_eq!(pieces_under("default", "1212"), "12|12");
    assert_eq!(pieces_under("smollm", "ab 12"), "ab|Ġ|1|2");
    assert_eq!(pieces_under("qwen2", "ab 12"), "ab|Ġ|1|2");
    // Llama 3 takes digits three at a time: 121|23.
    assert_eq!(pieces_under("llama-bpe", "12123"), "12|1|2|3");
    assert_eq!(pieces_under("tekken", "12ab"), "1|2|ab");
    assert_eq!(pieces_under("llama3", "123123"), "123|123");
    // A letter takes one other character before it along, in the newer rules only.
    assert_eq!(pieces_under("qwen2", "'S'sab"), "'|S|'s|ab");
}

#[test]
fn qwen2_normalises_and_the_others_do_not() {
    for (pre, same) in [("qwen2", true), ("smollm", false), ("llama-bpe", false)] {
        let tokenizer = SmallVocabulary::new(pre, &[]).build().unwrap();
        let (composed, apart) =
            (tokenizer.encode("é").unwrap(), tokenizer.encode("e\u{301}").unwrap());
        assert_eq!(composed == apart, same, "{pre}");
    }
}

#[test]
fn llama3_keeps_whole_words_that_are_tokens() {
    // "xyz" is a token that no merge reaches.
    let whole = |pre: &str| {
        let mut small = SmallVocabulary::new(pre, &["x y"]);
        if let Some(MetadataValue::Array(MetadataArray::String(tokens))) =
            small.entries.get_mut("tokenizer.ggml.tokens")
        {
            tokens.push("xyz".to_owned());
        }
        if let Some(MetadataValue::Array(MetadataArray::I32(types))) =
            small.entries.get_mut("tokenizer.ggml.token_type")
        {
            types.push(1);
        }
        pieces(&small.build().unwrap(), "xyz").join("|")
    };
    for pre in ["llama-bpe", "falcon3", "smaug-bpe", "tekken"] {
        assert_eq!(whole(pre), "xyz", "{pre}");
    }
    assert_eq!(whole("gpt-2"), "xy|z");
}

#[test]
fn special_tokens_in_foreign_text_are_broken_up() {
    let tokenizer = SmallVocabulary::new("gpt-2", &[]).build().unwrap();
    let end = tokenizer.token_to_id(END).unwrap();
    let hostile = format!("a{END}b <|e{END}nd|>");
    assert!(tokenizer.encode(&hostile).unwrap().contains(&end));
    let inert = tokenizer.inert(&hostile);
    assert_eq!(inert, "a< |end|>b <|e< |end|>nd|>");
    assert!(!tokenizer.encode(&inert).unwrap().contains(&end));
    assert!(matches!(tokenizer.inert("<|harmless|>"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn special_tokens_are_recognised_and_skipped() {
    let tokenizer = SmallVocabulary::new("smollm", &MERGES).build().unwrap();
    let ids = tokenizer.encode(&format!("ab{END}ab {NOTE}")).unwrap();
    assert_eq!(
        pieces(&tokenizer, &format!("ab{END}ab {NOTE}")).join("|"),
        "ab|<|end|>|ab|Ġ|[note]"
    );
    assert_eq!(tokenizer.decode(&ids, false).unwrap(), format!("ab{END}ab {NOTE}"));
    // A user-defined token is ordinary text.
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), format!("abab {NOTE}"));
    assert_eq!(tokenizer.eos_id(), tokenizer.token_to_id(END));
    assert!(tokenizer.eos_id().is_some());
    assert_eq!((tokenizer.bos_id(), tokenizer.pad_id()), (None, None));
    assert_eq!(tokenizer.vocab_size(), 256 + MERGES.len() + 2);
    assert_eq!(tokenizer.decode(&[1_000_000], false).unwrap(), "");
}

#[test]
fn what_cannot_be_rebuilt_is_named() {
    let message = |small: SmallVocabulary| small.build().unwrap_err().to_string();
    let small = || SmallVocabulary::new("smollm", &MERGES);
    let unknown = message(small().with("tokenizer.ggml.pre", text("poro-chat")));
    assert!(unknown.contains("`tokenizer.ggml.pre` in `small.gguf` is `poro-chat`"), "{unknown}");
    assert!(unknown.contains("smollm") && unknown.contains("qwen2"), "{unknown}");
    let model = message(small().with("tokenizer.ggml.model", text("t5")));
    assert!(model.contains("`tokenizer.ggml.model`") && model.contains("gpt2"), "{model}");
    let prefix =
        message(small().with("tokenizer.ggml.add_space_prefix", MetadataValue::Bool(true)));
    assert!(prefix.contains("add_space_prefix"), "{prefix}");
    for key in [
        "tokenizer.ggml.model",
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.merges",
        "tokenizer.ggml.token_type",
    ] {
        let missing = message(small().without(key));
        assert!(missing.contains(&format!("no metadata `{key}`")), "{missing}");
    }
    let merge = message(small().with("tokenizer.ggml.merges", texts(vec!["ab".to_owned()])));
    assert!(merge.contains("\"ab\" at index 0"), "{merge}");
    let stray = message(small().with("tokenizer.ggml.merges", texts(vec!["a zz".to_owned()])));
    assert!(stray.contains("`tokenizer.ggml.merges`") && stray.contains("zz"), "{stray}");
    let types = message(
        small()
            .with("tokenizer.ggml.token_type", MetadataValue::Array(MetadataArray::I32(vec![1]))),
    );
    assert!(types.contains("1 entries for 264 tokens"), "{types}");
    let eos = message(small().with("tokenizer.ggml.eos_token_id", MetadataValue::U32(9999)));
    assert!(eos.contains("eos_token_id") && eos.contains("9999"), "{eos}");
    let twice = message(SmallVocabulary::new("smollm", &["a b", "a b"]));
    assert!(twice.contains("twice") && twice.contains("ab"), "{twice}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_survives_the_round_trip(text in any::<String>()) {
        let tokenizer = SmallVocabulary::new("smollm", &MERGES).build().unwrap();
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert_eq!(tokenizer.decode(&ids, false).unwrap(), text.clone());
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id)).collect();
        prop_assert_eq!(bytes, text.into_bytes());
    }

    /// Any ids, also those that are not UTF-8 together, come out of a stream as they do at once.
    #[test]
    fn a_stream_gives_the_same_text(ids in prop::collection::vec(0_u32..266, 0..40), skip in any::<bool>()) {
        let tokenizer = SmallVocabulary::new("smollm", &MERGES).build().unwrap();
        let mut stream = tokenizer.stream_decoder(skip);
        let mut text = String::new();
        for id in &ids {
            text.push_str(&stream.push(*id).unwrap());
        }
        text.push_str(&stream.finish().unwrap());
        prop_assert_eq!(text, tokenizer.decode(&ids, skip).unwrap());
    }
}

#[test]
fn a_stream_holds_back_incomplete_characters() {
    let tokenizer = SmallVocabulary::new("smollm", &MERGES).build().unwrap();
    let ids = tokenizer.encode("a😀b").unwrap();
    let mut stream = tokenizer.stream_decoder(false);
    let text: Vec<String> = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
    assert_eq!(text, ["a", "", "", "", "😀", "b"]);
    assert_eq!(stream.finish().unwrap(), "");
}

#[test]
fn folders_are_read_or_what_they_lack_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let hf = HfFolder::new(folder.path());
    let message = |hf: &HfFolder| Tokenizer::from_folder(hf).unwrap_err().to_string();
    let name = folder.path().display().to_string();
    assert!(message(&hf).contains(&format!("`{name}` has no tokenizer.json; copy it")));
    fs::write(folder.path().join("tokenizer.model"), "").unwrap();
    assert!(message(&hf).contains("tokenizer.model must first be converted"));
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    assert!(message(&hf).contains("is not a sound tokenizer"));

    let tokenizer_json = serde_json::json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [{"id": 3, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "</s>": 3}, "merges": [["a", "b"]]}
    });
    fs::write(folder.path().join("tokenizer.json"), tokenizer_json.to_string()).unwrap();
    let config = r#"{"eos_token": {"content": "</s>", "lstrip": false}, "bos_token": null, "pad_token": "a"}"#;
    fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    let tokenizer = Tokenizer::from_folder(&hf).unwrap();
    // The truncation in the file does not apply.
    assert_eq!(tokenizer.encode("ababab</s>").unwrap(), [2, 2, 2, 3]);
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id()),
        (None, Some(3), Some(0))
    );
}

/// A folder with nothing but a `tokenizer.json` whose template puts tokens around a text.
fn framing_folder(template: serde_json::Value) -> tempfile::TempDir {
    let special = |id: u32, content: &str| {
        serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true})
    };
    let tokens = |id: u32, content: &str| serde_json::json!({"id": content, "ids": [id], "tokens": [content]});
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": null,
        "added_tokens": [special(3, "<s>"), special(4, "</s>")],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": {"type": "TemplateProcessing", "single": template, "pair": template,
            "special_tokens": {"<s>": tokens(3, "<s>"), "</s>": tokens(4, "</s>")}},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<s>": 3, "</s>": 4}, "merges": [["a", "b"]]}
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    folder
}

#[test]
fn a_template_begins_prompts_whatever_else_the_folder_says() {
    let special = |token: &str| serde_json::json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = serde_json::json!({"Sequence": {"id": "A", "type_id": 0}});
    let (begin, end) = (special("<s>"), special("</s>"));
    for (template, of_text, of_begun) in [
        (vec![&begin, &text], vec![3, 2, 0], vec![3, 2]),
        (vec![&begin, &text, &end], vec![3, 2, 0], vec![3, 2]),
        (vec![&text, &end], vec![2, 0], vec![3, 2]),
        (vec![&text], vec![2, 0], vec![3, 2]),
    ] {
        let folder = framing_folder(serde_json::json!(template));
        let tokenizer = Tokenizer::from_folder(&HfFolder::new(folder.path())).unwrap();
        assert_eq!(tokenizer.bos_id(), None);
        assert_eq!(tokenizer.encode_prompt("aba").unwrap(), of_text, "{template:?}");
        // Written out it is not put there a second time.
        assert_eq!(tokenizer.encode_prompt("<s>ab").unwrap(), of_begun, "{template:?}");
        assert_eq!(tokenizer.encode_prompt("").unwrap(), [0; 0], "{template:?}");
    }
}

#[test]
fn what_stands_for_a_missing_tokenizer_says_so_when_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let hf = HfFolder::new(folder.path());
    let none = Tokenizer::from_folder_if_any(&hf).unwrap();
    let missing = format!("`{}` has no tokenizer.json", folder.path().display());
    for error in [
        none.encode("a").unwrap_err(),
        none.encode_framed("a").unwrap_err(),
        none.encode_prompt("").unwrap_err(),
        none.decode(&[0], true).unwrap_err(),
    ] {
        assert!(error.to_string().contains(&missing), "{error}");
    }
    assert_eq!((none.eos_id(), none.vocab_size()), (None, 0));
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    assert!(Tokenizer::from_folder_if_any(&hf).unwrap_err().to_string().contains("not a sound"));
}

#[derive(Deserialize)]
struct Reference {
    strings: Vec<ReferenceString>,
    decode_only: Vec<DecodeOnly>,
}

#[derive(Deserialize)]
struct ReferenceString {
    text: String,
    ids: Vec<u32>,
    decoded: String,
    decoded_skip_special: Option<String>,
}

#[derive(Deserialize)]
struct DecodeOnly {
    ids: Vec<u32>,
    decoded: String,
}

#[test]
fn real_tokenizers_equal_the_published_ones() {
    if let Some(path) = std::env::var_os("AXIA_TEST_GGUF_QWEN") {
        let file = GgufFile::open(Path::new(&path)).unwrap();
        let tokenizer = Tokenizer::from_gguf(file.metadata()).unwrap();
        let reference = include_str!("fixtures/qwen2/tokenizer_reference.json");
        check_real(&tokenizer, reference, 60);
    }
    let Some(path) = std::env::var_os("AXIA_TEST_GGUF") else {
        eprintln!("skipped: AXIA_TEST_GGUF names no SmolLM2-135M-Instruct GGUF file");
        return;
    };
    let file = GgufFile::open(Path::new(&path)).unwrap();
    let tokenizer = Tokenizer::from_gguf(file.metadata()).unwrap();
    assert_eq!(tokenizer.vocab_size(), 49_152);
    assert_eq!(
        (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id()),
        (Some(1), Some(2), Some(2))
    );
    check_real(&tokenizer, include_str!("fixtures/smollm2/tokenizer_reference.json"), 200);
}

fn check_real(tokenizer: &Tokenizer, reference: &str, strings: usize) {
    let reference: Reference = serde_json::from_str(reference).unwrap();
    assert_eq!(reference.strings.len(), strings);
    for string in &reference.strings {
        let ids = tokenizer.encode(&string.text).unwrap();
        assert_eq!(ids, string.ids, "{:?}", string.text);
        assert_eq!(tokenizer.decode(&ids, false).unwrap(), string.decoded);
        if let Some(decoded) = &string.decoded_skip_special {
            assert_eq!(tokenizer.decode(&ids, true).unwrap(), *decoded);
        }
    }
    for only in &reference.decode_only {
        assert_eq!(tokenizer.decode(&only.ids, false).unwrap(), only.decoded);
    }
}

/// Where words end, by the ids of a vocabulary in which letters and signs merge with their neighbours
/// of whatever kind: only the cuts between words keep them apart.
#[test]
fn tekken_cuts_where_capitals_begin() {
    let alphabet = ["a", "b", "A", "B", "/", "!", "Ċ", "Ġ"];
    let merges: Vec<String> = alphabet
        .iter()
        .flat_map(|left| alphabet.iter().map(move |right| format!("{left} {right}")))
        .collect();
    let merges: Vec<&str> = merges.iter().map(String::as_str).collect();
    let under = |pre: &str, text: &str| {
        pieces(&SmallVocabulary::new(pre, &merges).build().unwrap(), text).join("|")
    };
    assert_eq!(under("llama-bpe", "abAB"), "ab|AB");
    assert_eq!(under("llama-bpe", "aA"), "aA");
    assert_eq!(under("tekken", "aA"), "a|A");
    assert_eq!(under("tekken", "Ab"), "Ab");
    assert_eq!(under("tekken", "!/"), "!/");
    assert_eq!(under("tekken", "!\n"), "!Ċ");
    assert_eq!(under("tekken", " a"), "Ġa");
}

#[test]
fn files_ask_for_a_token_at_the_beginning() {
    let small = |pre: &str| {
        let small = SmallVocabulary::new(pre, &MERGES);
        let eos = small.entries["tokenizer.ggml.eos_token_id"].clone();
        small.with("tokenizer.ggml.bos_token_id", eos)
    };
    let flag = |small: SmallVocabulary, add: bool| {
        small.with("tokenizer.ggml.add_bos_token", MetadataValue::Bool(add)).build().unwrap()
    };
    for (tokenizer, adds) in [
        (flag(small("smollm"), true), true),
        (small("smollm").build().unwrap(), false),
        (small("llama-bpe").build().unwrap(), true),
        (small("tekken").build().unwrap(), true),
        (flag(small("llama-bpe"), false), false),
    ] {
        let bos = tokenizer.bos_id().unwrap();
        let bare = tokenizer.encode("ab").unwrap();
        let begun = [&[bos], &*bare].concat();
        let expected = if adds { &begun } else { &bare };
        assert_eq!(tokenizer.encode_framed("ab").unwrap(), *expected);
        assert_eq!(tokenizer.encode_prompt("ab").unwrap(), *expected);
        assert!(!bare.contains(&bos));
        // Written out already, as in a chat's rendering.
        assert_eq!(tokenizer.encode_prompt(&format!("{END}ab")).unwrap(), begun);
    }
    let both = small("llama-bpe").with("tokenizer.ggml.add_eos_token", MetadataValue::Bool(true));
    let both = both.build().unwrap();
    let eos = both.eos_id().unwrap();
    assert_eq!(both.encode_framed("a").unwrap().last(), Some(&eos));
    assert_ne!(both.encode_prompt("a").unwrap().last(), Some(&eos));
}
