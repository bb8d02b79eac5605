//! Reading, writing and asking. Fuzzing of the readers is in `tests/readers.rs`.

use std::fs;
use std::path::Path;

use super::*;
use crate::taxonomy::{BasicValue, RefinedValue};

const NATIVE: &str = r#"
format_version = 1
name = "mini"
instructions = ["How much?", "How like you?"]
templates = ["Rating: {rating}", "I say {rating}."]
item_files = ["more.toml"]

[[item]]
id = "a"
value = "Power: dominance"
facet = "Have influence"
split = "train"
domain = "work"
statement = "I  lead. "
contrast = "I listen."
"#;

const MORE: &str = r#"
[[item]]
id = "b"
dimension = "Social Boldness"
statement = "I hide."
split = "test"
reversed = true
"#;

fn native(text: &str) -> Result<Instrument, InstrumentError> {
    parse(text, "mini.toml", Format::Native, &ImportOptions::default())
}

fn parse(
    text: &str,
    source: &str,
    format: Format,
    options: &ImportOptions,
) -> Result<Instrument, InstrumentError> {
    Instrument::parse(text.as_bytes(), source, format, options, &mut |_| Ok(MORE.to_owned()))
}

fn message(result: Result<Instrument, InstrumentError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn reads_the_native_format_with_item_files() {
    let mini = native(NATIVE).unwrap();
    assert_eq!((mini.name.as_str(), mini.title.as_str()), ("mini", "mini"));
    assert_eq!(mini.items.len(), 2);
    let a = mini.item("a").unwrap();
    assert_eq!(a.dimension, RefinedValue::PowerDominance.into());
    assert_eq!(a.facet.as_deref(), Some("have influence"));
    assert_eq!((a.split, a.statement.as_str()), (Split::Train, "I lead."));
    let b = mini.item("b").unwrap();
    assert_eq!(b.dimension, Dimension::Named("Social Boldness".into()));
    assert!(b.reversed);
    assert_eq!(mini.dimensions(), [a.dimension.clone(), b.dimension.clone()]);
}

#[test]
fn a_row_is_instruction_statement_and_template() {
    let mini = native(NATIVE).unwrap();
    let variants = mini.variants();
    assert_eq!(variants.len(), 4);
    assert_eq!(variants[1], Variant { instruction: 0, template: 1 });
    let row = mini.row(&mini.items[0], variants[1]);
    assert_eq!(row.prompt(), "How much?\n\nStatement:\nI lead.\n\nI say ");
    assert_eq!(row.completion(4), "4.");
}

#[test]
fn saves_and_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.toml");
    let mini = native(NATIVE).unwrap();
    mini.save(&path).unwrap();
    let loaded = Instrument::load(&path, &ImportOptions::default()).unwrap();
    assert_eq!(loaded, mini);
    assert_eq!(loaded.content_hash(), mini.content_hash());
}

#[test]
fn loads_item_files_from_beside_the_instrument() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mini.toml");
    fs::write(&path, NATIVE).unwrap();
    let missing = Instrument::load(&path, &ImportOptions::default());
    assert!(message(missing).contains("more.toml"));
    fs::write(folder.path().join("more.toml"), MORE).unwrap();
    assert_eq!(Instrument::load(&path, &ImportOptions::default()).unwrap().items.len(), 2);
}

#[test]
fn the_hash_sees_content_only() {
    let mini = native(NATIVE).unwrap();
    let renamed = Instrument { name: "other".into(), licence: Some("MIT".into()), ..mini.clone() };
    assert_eq!(renamed.content_hash(), mini.content_hash());
    assert_eq!(mini.content_hash().len(), 64);
    let mut changed = mini.clone();
    changed.items[0].contrast = None;
    assert_ne!(changed.content_hash(), mini.content_hash());
    changed = mini.clone();
    changed.items.swap(0, 1);
    assert_ne!(changed.content_hash(), mini.content_hash());
}

#[test]
fn native_mistakes_name_file_line_item_and_field() {
    let change = |from: &str, to: &str| message(native(&NATIVE.replace(from, to)));
    assert_eq!(
        change("statement = \"I  lead. \"", ""),
        "mini.toml, line 8, item `a`, field `statement`: the field is missing or empty; give it \
         a value"
    );
    assert!(change("Power: dominance", "powr-dominance").starts_with(
        "mini.toml, line 8, item `a`, field `value`: unknown value `powr-dominance`; did \
             you mean `power-dominance`?"
    ));
    assert!(change("\"train\"", "\"trian\"").contains("field `split`: found `trian`"));
    assert!(
        change("I say {rating}.", "I say.")
            .starts_with("mini.toml, line 5, field `templates`: template `I say.` has 0 places")
    );
    assert!(change("format_version = 1", "format_version = 9").contains("reads 1"));
    assert!(change("domain", "domian").starts_with("mini.toml, line 13: unknown field `domian`"));
    assert!(change("\"work\"", "3").starts_with("mini.toml, line 13: invalid type"));
    assert!(change("id = \"a\"", "").contains("line 8, field `id`"));
    assert_eq!(
        change("id = \"a\"", "id = \"b\""),
        "more.toml, line 2, item `b`: the id is already used at mini.toml, line 8, item `b`; \
         ids must differ"
    );
    assert!(change("value = ", "dimension = \"x\"\nvalue = ").contains("not both"));
    assert!(message(native("name = \"x\"")).contains("there are no items"));
    let no_words = change("instructions = [\"How much?\", \"How like you?\"]", "instructions = []");
    assert!(no_words.contains("there are no instructions"));
}

#[test]
fn absent_words_are_the_bundled_ones() {
    let bare = "[[item]]\nid = \"a\"\nvalue = \"face\"\nstatement = \"I bow.\"";
    let bare = native(bare).unwrap();
    assert_eq!(bare.instructions, Instrument::bundled().instructions);
    assert_eq!(bare.templates.len(), 9);
    assert_eq!(bare.items[0].split, Split::Test);
}

const PUBLIC: &str = r#"{
  "tasks": [" Rate it. "],
  "response_template": ["Rating: {rating}"],
  "train": [
    {"sentence": " I try  new things. ", "negative_sentence": "I like what I know.",
     "category": "Self-direction: thought", "level1": ["Be creative "],
     "level2": ["Self-direction: thought "], "level3": ["Openness to change"], "level4": []}
  ],
  "eval": [
    {"sentence": "I invent.", "negative_sentence": null, "category": "Power: dominance",
     "level1": ["have influence"], "level2": ["Face", "Power_dominance"]}
  ],
  "test": [{"sentence": "I dream.", "level1": ["be creative"], "extra": 1}]
}"#;

#[test]
fn reads_the_public_json() {
    let options = ImportOptions { name: Some("theirs".into()), ..ImportOptions::default() };
    let survey = parse(PUBLIC, "public.json", Format::PublicJson, &options).unwrap();
    assert_eq!(survey.name, "theirs");
    assert_eq!(survey.instructions, ["Rate it."]);
    let ids: Vec<_> = survey.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["be-creative-01", "have-influence-01", "be-creative-02"]);
    let splits: Vec<_> = survey.items.iter().map(|item| item.split).collect();
    assert_eq!(splits, Split::ALL);
    assert_eq!(survey.items[0].statement, "I try new things.");
    assert_eq!(survey.items[0].facet.as_deref(), Some("be creative"));
    assert_eq!(survey.items[1].dimension, RefinedValue::PowerDominance.into());
    assert_eq!(survey.items[1].contrast, None);
    assert_eq!(survey.items[2].dimension, RefinedValue::SelfDirectionThought.into());
}

#[test]
fn public_json_mistakes_name_the_item() {
    let read = |text: &str| {
        message(parse(text, "public.json", Format::PublicJson, &ImportOptions::default()))
    };
    assert!(
        read(&PUBLIC.replace("\"Self-direction: thought \"", "\"Self-direction: thoght\""))
            .starts_with("public.json, item `train[0]`, field `value`: unknown value")
    );
    assert!(
        read(&PUBLIC.replace("\"sentence\": \"I dream.\", ", ""))
            .starts_with("public.json, item `test[0]`, field `statement`")
    );
    assert!(read("{\n  \"tasks\": 3\n}").starts_with("public.json, line 2: "));
    assert!(read("{}").contains("there are no items"));
}

#[test]
fn writes_the_public_json_that_it_reads() {
    let mut survey =
        parse(PUBLIC, "public.json", Format::PublicJson, &ImportOptions::default()).unwrap();
    let written = survey.to_public_json().unwrap();
    let again =
        parse(&written, "public.json", Format::PublicJson, &ImportOptions::default()).unwrap();
    assert_eq!(again, survey);
    survey.items[0].reversed = true;
    let refused = survey.to_public_json().unwrap_err().to_string();
    assert!(refused.contains("be-creative-01") && refused.contains("reverse"), "{refused}");
}

const BENCH: &str = "questionnaire,item,value,agreement,question\n\
    PVQ40,\"I lead, always.  \",Power,1,Q\n\
    PVQ40,I follow.,Self-Direction,-1,Q\n\
    LTO,I keep customs.,Tradition,1,Q\n";

#[test]
fn reads_one_questionnaire_of_valuebench() {
    let choose = |name: &str| ImportOptions {
        questionnaire: Some(name.to_owned()),
        ..ImportOptions::default()
    };
    let pvq = parse(BENCH, "vb.csv", Format::ValueBench, &choose("pvq40")).unwrap();
    assert_eq!(pvq.name, "PVQ40");
    assert_eq!(pvq.items.len(), 2);
    assert_eq!(pvq.items[0].id, "pvq40-001");
    assert_eq!(pvq.items[0].statement, "I lead, always.");
    assert_eq!(pvq.items[0].dimension, BasicValue::Power.into());
    assert!(!pvq.items[0].reversed && pvq.items[1].reversed);
    assert!(pvq.items.iter().all(|item| item.split == Split::Test));
    let lto = parse(BENCH, "vb.csv", Format::ValueBench, &choose("LTO")).unwrap();
    assert_eq!(lto.items[0].dimension, Dimension::Named("Tradition".into()));

    let error = message(parse(BENCH, "vb.csv", Format::ValueBench, &choose("PVQ4")));
    assert_eq!(
        error,
        "vb.csv: no questionnaire `PVQ4`, did you mean `PVQ40`?; it holds PVQ40, LTO"
    );
    let unnamed = message(parse(BENCH, "vb.csv", Format::ValueBench, &ImportOptions::default()));
    assert!(unnamed.ends_with("it holds PVQ40, LTO"), "{unnamed}");
    let wrong = BENCH.replace("Self-Direction,-1", "Self-Direction,2");
    assert!(
        message(parse(&wrong, "vb.csv", Format::ValueBench, &choose("PVQ40")))
            .starts_with("vb.csv, line 3, item `pvq40-002`, field `agreement`: found `2`")
    );
}

#[test]
fn tells_valuebench_from_plain_csv_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let load = |path: &Path| Instrument::load(path, &ImportOptions::default());
    let bench = write("vb.csv", BENCH);
    assert!(matches!(load(&bench), Err(InstrumentError::Questionnaire { .. })));
    let plain = write("mine.csv", "\u{feff}Statement,Value\nI bow.,face\nI rest.,hedonism\n");
    let plain = load(&plain).unwrap();
    assert_eq!(plain.name, "mine");
    assert_eq!(plain.items[0].id, "face-01");
    let lines = "{\"statement\": \"I bow.\", \"value\": \"FAC\", \"reversed\": true}\n\n";
    let lines = load(&write("mine.jsonl", lines)).unwrap();
    assert!(lines.items[0].reversed);
    assert_eq!(lines.items[0].dimension, plain.items[0].dimension);
    let tabs = load(&write("mine.tsv", "text\ttrait\nI bow.\tModesty\n")).unwrap();
    assert_eq!(tabs.items[0].dimension, Dimension::Named("Modesty".into()));
    assert!(message(load(&write("mine.doc", ""))).contains("format cannot be told"));
    assert!(message(load(Path::new("no/such.csv"))).starts_with("no/such.csv: "));
}

#[test]
fn table_mistakes_name_line_and_field() {
    let csv = |text: &str| message(parse(text, "t.csv", Format::Csv, &ImportOptions::default()));
    assert!(
        csv("statement,value\nI bow.,face\nI bow.,fase\n")
            .starts_with("t.csv, line 3, field `value`: unknown value `fase`; did you mean `face`")
    );
    assert!(csv("statement,value\nI bow.\n").starts_with("t.csv, line 2: the row has 1 cells"));
    assert!(csv("statement\nI bow.\n").contains("field `value`: the field is missing"));
    assert!(csv("").contains("there are no items"));
    let odd = csv("statement,value,reversed\nI bow.,face,maybe\n");
    assert!(odd.contains("field `reversed`: found `maybe`"), "{odd}");
    let lines =
        |text: &str| message(parse(text, "t.jsonl", Format::Jsonl, &ImportOptions::default()));
    assert!(lines("{\"statement\": 1, \"value\": \"face\"}\n[]").starts_with("t.jsonl, line 2: "));
    let latin = Instrument::parse(
        b"statement,value\nd\xe9j\xe0,face",
        "t.csv",
        Format::Csv,
        &ImportOptions::default(),
        &mut |_| Ok(String::new()),
    );
    assert_eq!(message(latin), "t.csv, line 2: the text is not UTF-8; save the file as UTF-8");
}

#[test]
fn seeded_splits_are_stratified_and_repeatable() {
    let mut text = "statement,value,split\n".to_owned();
    for index in 0..22 {
        let value = if index < 11 { "face" } else { "humility" };
        text += &format!("I do {index}.,{value},\n");
    }
    text += "I am fixed.,face,validation\n";
    let read = |seed| {
        let splits = SplitRule::Seeded { seed, train: 7.0 / 11.0, validation: 2.0 / 11.0 };
        let options = ImportOptions { splits, ..ImportOptions::default() };
        parse(&text, "t.csv", Format::Csv, &options).unwrap()
    };
    let survey = read(1);
    let count = |value: RefinedValue, split| {
        survey.split(split).filter(|item| item.dimension == value.into()).count()
    };
    assert_eq!(Split::ALL.map(|split| count(RefinedValue::Face, split)), [7, 3, 2]);
    assert_eq!(Split::ALL.map(|split| count(RefinedValue::Humility, split)), [7, 2, 2]);
    assert_eq!(survey.items[22].split, Split::Validation);
    assert_eq!(read(1), survey);
    assert_ne!(read(2), survey);
}

#[test]
fn generated_ids_avoid_given_ones() {
    let text = "id,statement,value\nface-01,A b.,face\n,C d.,face\n,E f.,face\n";
    let survey = parse(text, "t.csv", Format::Csv, &ImportOptions::default()).unwrap();
    let ids: Vec<_> = survey.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["face-01", "face-02", "face-03"]);
}

#[test]
fn the_bundled_survey_has_its_design() {
    let survey = Instrument::bundled();
    assert_eq!(survey.items.len(), 594);
    assert_eq!(Split::ALL.map(|split| survey.split(split).count()), [378, 108, 108]);
    assert_eq!(survey.dimensions().len(), 20);
    let toml = survey.to_toml().unwrap();
    assert_eq!(native(&toml).unwrap(), *survey);
    let options = ImportOptions { name: Some("axia-survey".into()), ..ImportOptions::default() };
    let json = survey.to_public_json().unwrap();
    let public = parse(&json, "p.json", Format::PublicJson, &options).unwrap();
    assert_eq!(public.items.len(), 594);
    for item in &public.items {
        let original = survey.item(&item.id).unwrap();
        assert_eq!((&item.statement, &item.contrast), (&original.statement, &original.contrast));
        assert_eq!((&item.dimension, item.split), (&original.dimension, original.split));
    }
}
