//! SentencePiece tokenizers rebuilt from GGUF metadata.

use std::path::Path;

use axia_engine::checkpoint_files::HfFolder;
use axia_engine::gguf::{GgufHeader, GgufWriter, MetadataArray, MetadataValue};
use axia_engine::tokenizer::{Tokenizer, TokenizerError, hf_files};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    add_space_prefix: bool,
    tokens: Vec<String>,
    scores: Vec<f32>,
    types: Vec<i32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    decoded: String,
}

fn fixture(name: &str) -> Fixture {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sentencepiece");
    let bytes = std::fs::read(folder.join(name).with_extension("json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

impl Fixture {
    /// The tokenizer of a GGUF file with these lists, less the one named `without`.
    fn build(&self, without: &str) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::from_gguf(&self.header(without).metadata)
    }

    fn header(&self, without: &str) -> GgufHeader {
        let list = MetadataValue::Array;
        let entries = [
            ("model", MetadataValue::String("llama".to_owned())),
            ("tokens", list(MetadataArray::String(self.tokens.clone()))),
            ("scores", list(MetadataArray::F32(self.scores.clone()))),
            ("token_type", list(MetadataArray::I32(self.types.clone()))),
            ("add_space_prefix", MetadataValue::Bool(self.add_space_prefix)),
            ("bos_token_id", MetadataValue::U32(1)),
            ("eos_token_id", MetadataValue::U32(2)),
        ];
        let kept = entries.into_iter().filter(|(key, _)| *key != without);
        let file = kept.fold(GgufWriter::new(), |file, (key, value)| {
            file.entry(&format!("tokenizer.ggml.{key}"), value)
        });
        GgufHeader::parse(&file.to_bytes(), Path::new("small.gguf")).unwrap()
    }

    fn tokenizer(&self) -> Tokenizer {
        self.build("").unwrap()
    }

    fn refusal(&self, without: &str) -> String {
        self.build(without).unwrap_err().to_string()
    }
}

#[test]
fn ids_and_texts_are_those_of_sentencepiece() {
    for name in ["prefix", "no_prefix"] {
        let fixture = fixture(name);
        let tokenizer = fixture.tokenizer();
        assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(1), Some(2)));
        for case in &fixture.cases {
            assert_eq!(tokenizer.encode(&case.text).unwrap(), case.ids, "{name}: {:?}", case.text);
            assert_eq!(tokenizer.decode(&case.ids, false).unwrap(), case.decoded, "{name}");
        }
    }
}

#[test]
fn a_folder_made_of_a_file_gives_the_same_ids() {
    for name in ["prefix", "no_prefix"] {
        let fixture = fixture(name);
        let folder = tempfile::tempdir().unwrap();
        for (name, contents) in hf_files(&fixture.header("").metadata, 512).unwrap() {
            std::fs::write(folder.path().join(name), contents).unwrap();
        }
        let tokenizer = Tokenizer::from_folder(&HfFolder::new(folder.path())).unwrap();
        assert_eq!(tokenizer.special_tokens(), fixture.tokenizer().special_tokens());
        for case in &fixture.cases {
            assert_eq!(tokenizer.encode(&case.text).unwrap(), case.ids, "{name}: {:?}", case.text);
            assert_eq!(tokenizer.decode(&case.ids, false).unwrap(), case.decoded, "{name}");
        }
        // Other programs ask for the tokens around a text, which this file leaves to its kind: <s> alone.
        let library =
            tokenizers::Tokenizer::from_file(folder.path().join("tokenizer.json")).unwrap();
        let (alone, pair) = (library.encode("a", true).unwrap(), library.encode(("a", "a"), true));
        let bare = library.encode("a", false).unwrap();
        assert_eq!(alone.get_ids(), [&[1], bare.get_ids()].concat());
        assert_eq!(pair.unwrap().get_ids(), [alone.get_ids(), alone.get_ids()].concat());
    }
}

#[test]
fn files_that_say_nothing_of_it_mean_a_space_before_the_text() {
    let fixture = fixture("prefix");
    let tokenizer = fixture.build("add_space_prefix").unwrap();
    assert_eq!(tokenizer.encode("Hello").unwrap(), fixture.tokenizer().encode("Hello").unwrap());
}

#[test]
fn special_tokens_are_recognised_and_a_space_follows_them() {
    let tokenizer = fixture("prefix").tokenizer();
    let turn = tokenizer.token_to_id("<|turn|>").unwrap();
    let alone = tokenizer.encode("forest").unwrap();
    let found = tokenizer.encode("<s>forest<|turn|>forest").unwrap();
    assert_eq!(found, [&[1], &alone[..], &[turn], &alone].concat());
    assert_eq!(tokenizer.decode(&found, true).unwrap(), "forest forest");
    // Without the prefix nothing is put between.
    let bare = fixture("no_prefix").tokenizer();
    let found = bare.encode("<s>forest<|turn|>forest").unwrap();
    assert_eq!(bare.decode(&found, true).unwrap(), "forestforest");
    assert_eq!(bare.decode(&found, false).unwrap(), "<s>forest<|turn|>forest");
}

#[test]
fn older_files_write_the_spaces_of_unsplit_tokens_as_pieces_do() {
    let mut fixture = fixture("no_prefix");
    let expected = fixture.tokenizer();
    fixture.tokens.iter_mut().for_each(|token| *token = token.replace(' ', "▁"));
    let older = fixture.tokenizer();
    for text in ["a    b", "a\n\n  <tag>"] {
        assert_eq!(older.encode(text).unwrap(), expected.encode(text).unwrap());
    }
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let fixture = || fixture("prefix");
    for key in ["tokens", "scores", "token_type"] {
        let message = fixture().refusal(key);
        assert!(message.contains(&format!("no metadata `tokenizer.ggml.{key}`")), "{message}");
    }
    let short = Fixture { scores: vec![0.0; 3], ..fixture() }.refusal("");
    assert!(short.contains("3 entries for 700 tokens"), "{short}");
    let equal = Fixture { scores: vec![-1000.0; 700], ..fixture() }.refusal("");
    assert!(equal.contains("same score for every token"), "{equal}");
    let mut twice = fixture();
    twice.tokens[400] = twice.tokens[401].clone();
    assert!(twice.refusal("").contains("twice"));
}

#[test]
fn an_id_without_a_token_does_not_end_a_run_of_bytes() {
    let tokenizer = fixture("no_prefix").tokenizer();
    let ids = [11, 700, 139];
    let mut stream = tokenizer.stream_decoder(false);
    let mut text: String = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
    text.push_str(&stream.finish().unwrap());
    assert_eq!(text, tokenizer.decode(&ids, false).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_survives_the_round_trip(text in any::<String>(), prefix in any::<bool>()) {
        // `▁` itself reads as a space.
        let text = text.replace('▁', "");
        let tokenizer = fixture(if prefix { "prefix" } else { "no_prefix" }).tokenizer();
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert_eq!(tokenizer.decode(&ids, false).unwrap(), text.clone());
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id)).collect();
        // Away from the beginning, the space that is put before a text is one.
        let space = if prefix && !text.is_empty() { " " } else { "" };
        prop_assert_eq!(bytes, format!("{space}{text}").into_bytes());
    }

    /// Any ids, also bytes that are not UTF-8 together, come out of a stream as they do at once.
    #[test]
    fn a_stream_gives_the_same_text(
        ids in prop::collection::vec(prop_oneof![0_u32..704, 4_u32..260], 0..40),
        skip in any::<bool>(),
        prefix in any::<bool>(),
    ) {
        let tokenizer = fixture(if prefix { "prefix" } else { "no_prefix" }).tokenizer();
        let mut stream = tokenizer.stream_decoder(skip);
        let mut text = String::new();
        for id in &ids {
            text.push_str(&stream.push(*id).unwrap());
        }
        text.push_str(&stream.finish().unwrap());
        prop_assert_eq!(text, tokenizer.decode(&ids, skip).unwrap());
    }
}
