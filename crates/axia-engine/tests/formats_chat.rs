//! Chat templates rendered as transformers renders them.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use axia_engine::chat::{ChatError, ChatMessage, ChatTemplate, Role};
use axia_engine::checkpoint_files::HfFolder;
use axia_engine::gguf::{GgufFile, GgufHeader, GgufWriter};
use axia_engine::tokenizer::{SpecialTokens, Tokenizer};
use serde::Deserialize;
use serde_json::json;

fn template(source: &str) -> ChatTemplate {
    let tokens =
        SpecialTokens { bos: Some("<s>".to_owned()), eos: Some("</s>".to_owned()), pad: None };
    ChatTemplate::new(source, tokens, Path::new("t.jinja")).unwrap()
}

fn chat() -> [ChatMessage; 3] {
    [
        ChatMessage::system("Be kind."),
        ChatMessage::user(" Hi <b>\"you\"</b> "),
        ChatMessage::assistant("Hé"),
    ]
}

fn rendered(source: &str) -> String {
    template(source).render(&chat(), true).unwrap()
}

#[test]
fn messages_tokens_and_the_prompt_are_there() {
    let source = "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m.content | trim }}{{ eos_token }}\n{% endfor %}\
        {% if add_generation_prompt %}assistant:{% endif %}";
    assert_eq!(
        rendered(source),
        "<s>system: Be kind.</s>\nuser: Hi <b>\"you\"</b></s>\nassistant: Hé</s>\nassistant:"
    );
    assert!(!template(source).render(&chat(), false).unwrap().ends_with("assistant:"));
    assert_eq!(rendered("{{ tools is none }}{{ pad_token is defined }}{{ nothing }}"), "TrueFalse");
}

#[test]
fn blocks_take_their_line_with_them() {
    let source = "{% for m in messages %}\n    {% if loop.first %}\n{{ m.role }}\n    {% endif %}\n{% endfor %}\nend\n";
    assert_eq!(rendered(source), "system\nend");
}

#[test]
fn python_methods_and_loops_work() {
    let source = "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}\
        {% set ns.n = ns.n + 1 %}{{ m.content.strip().upper().split('<')[0] }}|{% endfor %}{{ ns.n }}\
        {{ messages[-1]['content'].startswith('H') }}{{ messages[1:] | length }}";
    assert_eq!(rendered(source), "HI |HÉ|2True2");
}

#[test]
fn json_is_pythons() {
    assert_eq!(
        rendered("{{ messages[1] | tojson }}"),
        r#"{"role": "user", "content": " Hi <b>\"you\"</b> "}"#
    );
    assert_eq!(rendered("{{ [1, 'é', none] | tojson }}"), "[1, \"é\", null]");
    assert_eq!(rendered("{{ {'a': [1]} | tojson(indent=2) }}"), "{\n  \"a\": [\n    1\n  ]\n}");
}

#[test]
fn generation_tags_vanish() {
    let source = "a\n{% generation %}\nb\n{%- endgeneration -%}\n c";
    let plain = "a\n{% if true %}\nb\n{%- endif -%}\n c";
    assert_eq!(rendered(source), rendered(plain));
    assert_eq!(rendered("{% if add_generation_prompt %}x{% endif %}"), "x");
}

#[test]
fn the_clock_can_stand_still() {
    let today = template("{{ strftime_now('%d %b %Y') }}");
    let still = today.clone().at_time(UNIX_EPOCH + Duration::from_secs(1_709_211_909));
    assert_eq!(still.render(&[], false).unwrap(), "29 Feb 2024");
    assert!(today.render(&[], false).unwrap().len() == 11);
}

#[test]
fn failures_name_the_line() {
    let line_of = |source: &str| {
        let error = ChatTemplate::new(source, SpecialTokens::default(), Path::new("t.jinja"))
            .and_then(|template| template.render(&chat(), false))
            .unwrap_err();
        match error {
            ChatError::Template { line, problem, .. } => (line, problem),
            other => panic!("{other}"),
        }
    };
    let refused = "{{ 1 }}\n\n{{ raise_exception('Roles must alternate!') }}";
    assert_eq!(line_of(refused), (3, "Roles must alternate!".to_owned()));
    assert_eq!(line_of("\n{% if %}").0, 2);
    assert_eq!(line_of("a\nb\n{{ messages.nothing.deeper }}").0, 3);
    assert!(line_of("{{ strftime_now('%Q') }}").1.contains("%Q"));
    let message =
        template("\n{{ raise_exception('no') }}").render(&[], false).unwrap_err().to_string();
    assert_eq!(message, "the chat template of `t.jinja` fails at line 2: no");
}

#[test]
fn templates_are_found_in_folders() {
    let folder = tempfile::tempdir().unwrap();
    let hf = HfFolder::new(folder.path());
    let write = |name: &str, contents: &str| fs::write(folder.path().join(name), contents).unwrap();
    let render = || ChatTemplate::from_folder(&hf).unwrap().render(&[], false).unwrap();
    let none = ChatTemplate::from_folder(&hf).unwrap_err().to_string();
    assert!(none.contains("has no chat template (looked for chat_template.jinja"), "{none}");
    write(
        "tokenizer_config.json",
        &json!({"bos_token": "<s>", "chat_template": "one{{ bos_token }}"}).to_string(),
    );
    assert_eq!(render(), "one<s>");
    let several = json!({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "two"}]});
    write("tokenizer_config.json", &several.to_string());
    assert_eq!(render(), "two");
    write("chat_template.jinja", "three");
    assert_eq!(render(), "three");
    write("chat_template.jinja", "{% oops");
    let broken = ChatTemplate::from_folder(&hf).unwrap_err().to_string();
    assert!(broken.contains("chat_template.jinja` fails at line 1"), "{broken}");

    let bare = GgufHeader::parse(&GgufWriter::new().to_bytes(), Path::new("base.gguf")).unwrap();
    let none = ChatTemplate::from_gguf(&bare.metadata).unwrap_err().to_string();
    assert!(
        none.contains("`base.gguf` has no chat template (looked for tokenizer.chat_template)"),
        "{none}"
    );
}

#[test]
fn roles_are_lower_case() {
    let message: ChatMessage = serde_json::from_str(r#"{"role": "tool", "content": "x"}"#).unwrap();
    assert_eq!(message, ChatMessage::new(Role::Tool, "x"));
}

#[derive(Deserialize)]
struct Reference {
    chats: Vec<ReferenceChat>,
}

#[derive(Deserialize)]
struct ReferenceChat {
    messages: Vec<ChatMessage>,
    add_generation_prompt: bool,
    rendered: String,
    ids: Vec<u32>,
}

#[test]
fn a_real_template_renders_as_the_reference() {
    for (variable, reference) in [
        ("AXIA_TEST_GGUF", include_str!("fixtures/smollm2/chat_reference.json")),
        ("AXIA_TEST_GGUF_QWEN", include_str!("fixtures/qwen2/chat_reference.json")),
    ] {
        let Some(path) = std::env::var_os(variable) else {
            eprintln!("skipped: {variable} names no GGUF file");
            continue;
        };
        let file = GgufFile::open(Path::new(&path)).unwrap();
        let template = ChatTemplate::from_gguf(file.metadata()).unwrap();
        let tokenizer = Tokenizer::from_gguf(file.metadata()).unwrap();
        let reference: Reference = serde_json::from_str(reference).unwrap();
        assert!(reference.chats.len() > 3);
        for chat in &reference.chats {
            let rendered = template.render(&chat.messages, chat.add_generation_prompt).unwrap();
            assert_eq!(rendered, chat.rendered);
            assert_eq!(tokenizer.encode(&rendered).unwrap(), chat.ids);
        }
    }
}
