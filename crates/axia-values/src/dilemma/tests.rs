use std::fs;
use std::path::Path;

use super::*;
use crate::taxonomy::RefinedValue as V;

const HEADER: &str =
    r#"{"format":"axia-dilemmas","format_version":1,"name":"mine","licence":null}"#;
const ROW: &str = r#"{"id":"face-01","value":"face","high_stance":"NTA","low_stance":"YTA","post":"He laughed at my hat.\n\nWas I wrong to leave?","justification":{"value":"a","high_stance":"b","low_stance":"c"},"provenance":{"kind":"original"}}"#;

/// A set of this crate's format with the given rows.
fn native(rows: &[&str]) -> Result<DilemmaImport, DilemmaError> {
    DilemmaSet::parse([&[HEADER], rows].concat().join("\n").as_bytes(), "mine.jsonl")
}

fn public(text: &str) -> Result<DilemmaImport, DilemmaError> {
    DilemmaSet::parse(text.as_bytes(), "theirs.json")
}

fn message<T>(result: Result<T, DilemmaError>) -> String {
    result.err().expect("an error").to_string()
}

/// `ROW` with something replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(ROW.contains(from), "{from}");
    ROW.replacen(from, to, 1)
}

#[test]
fn reads_its_own_format() {
    let import = native(&["", ROW, "  "]).unwrap();
    assert_eq!((import.set.name.as_str(), import.set.licence.as_deref()), ("mine", None));
    let expected = Dilemma {
        id: "face-01".into(),
        value: V::Face,
        high_stance: Stance::Nta,
        low_stance: Stance::Yta,
        post: "He laughed at my hat.\n\nWas I wrong to leave?".into(),
        justification: Justification {
            value: "a".into(),
            high_stance: "b".into(),
            low_stance: "c".into(),
        },
        provenance: Provenance::Original,
    };
    assert_eq!(import.set.dilemmas, [expected]);
    let report = import.report;
    assert_eq!((report.files, report.rows, report.kept, report.kept_out()), (1, 1, 1, 0));
    assert_eq!(report.to_string(), "1 row in 1 file, 1 kept");
}

#[test]
fn tolerates_spellings_marks_and_line_ends() {
    let row = changed("\"value\":\"face\"", "\"value\":\" Power: Face \"")
        .replace("\"NTA\"", "\" nta\"")
        .replace("\\n\\n", "\\r\\n\\r")
        .replace("\"He", "\"  \\n He");
    let text = format!("\u{feff}{HEADER}\r\n{row}\r\n");
    let import = DilemmaSet::parse(text.as_bytes(), "mine.jsonl").unwrap();
    assert_eq!(import.set, native(&[ROW]).unwrap().set);
}

#[test]
fn provenance_survives_writing() {
    let submission = r#"{"kind":"submission","subreddit":"AmItheAsshole","id":"x1","permalink":"/r/…","score":-3,"created_utc":1600000000,"annotator":"m","votes":3,"agreement":0.3333333333333333,"consistent":null}"#;
    let row = changed(r#"{"kind":"original"}"#, submission);
    let import = native(&[&row]).unwrap();
    assert!(
        matches!(&import.set.dilemmas[0].provenance, Provenance::Submission(s) if s.score == -3)
    );
    let written = import.set.to_jsonl().unwrap();
    assert_eq!(written.lines().next(), Some(HEADER));
    assert_eq!(DilemmaSet::parse(written.as_bytes(), "x.jsonl").unwrap(), import);
    let wrong = changed(r#"{"kind":"original"}"#, r#"{"kind":"originl"}"#);
    assert!(message(native(&[&wrong])).starts_with(
        "mine.jsonl, line 2, item `face-01`, field `provenance`: unknown variant `originl`"
    ));
}

#[test]
fn headers_are_required_and_checked() {
    let read = |text: &str| message(DilemmaSet::parse(text.as_bytes(), "mine.jsonl"));
    assert!(read("").starts_with("mine.jsonl, line 1: expected the header {\"format\":"));
    assert!(read(ROW).starts_with("mine.jsonl, line 1: expected the header"));
    assert!(read("\n[1]").starts_with("mine.jsonl, line 2: expected the header"));
    assert_eq!(read(HEADER), "mine.jsonl: there is no usable dilemma");
    let header = |from: &str, to: &str| {
        assert!(HEADER.contains(from));
        read(&format!("{}\n{ROW}", HEADER.replace(from, to)))
    };
    assert_eq!(
        header("axia-dilemmas", "axia-dilemma"),
        "mine.jsonl, line 1, field `format`: found `axia-dilemma`, expected axia-dilemmas"
    );
    assert_eq!(
        header(":1", ":2"),
        "mine.jsonl, line 1, field `format_version`: format_version 2 is not supported; this \
         program reads 1"
    );
    assert_eq!(
        header(":1", ":\"1\""),
        "mine.jsonl, line 1, field `format_version`: found `\"1\"`, expected a whole number"
    );
    assert!(header("\"format_version\":1,", "").contains("`format_version`: the field is missing"));
    assert!(header("\"mine\"", "\" \"").contains("field `name`: the field is missing"));
    assert!(header("null", "7").contains("field `licence`: found `7`, expected a string"));
    assert_eq!(
        header("licence", "license"),
        "mine.jsonl, line 1, field `license`: the format has no such field; did you mean `licence`?"
    );
}

#[test]
fn broken_rows_are_errors_that_name_line_and_field() {
    let read = |from: &str, to: &str| message(native(&[ROW, &changed(from, to)]));
    let place = "mine.jsonl, line 3, item `face-01`, field";
    assert_eq!(
        read("\"post\":", "\"pots\":"),
        format!("{place} `post`: the field is missing or empty; give it a value")
    );
    assert_eq!(
        read("\"face\"", "[1,2]"),
        format!("{place} `value`: found `[1,2]`, expected a string")
    );
    assert_eq!(
        read("\"value\":\"face\"", "\"value\":\"face\",\"titel\":1"),
        format!("{place} `titel`: the format has no such field")
    );
    assert!(
        read("\"value\":\"a\"", "\"value\":3").starts_with(&format!("{place} `justification`"))
    );
    assert!(read("{\"kind\":\"original\"}", "null").contains("`provenance`: the field is missing"));
    assert!(read("\"face-01\"", "\"\"").starts_with("mine.jsonl, line 3, field `id`: the field"));
    assert_eq!(
        read("\"face-01\"", "\"a\\u0007b\""),
        "mine.jsonl, line 3, field `id`: found `a\u{fffd}b`, expected a name without control \
         characters"
    );
    assert_eq!(message(native(&["[1]"])), "mine.jsonl, line 2: found `[1]`, expected an object");
    assert_eq!(message(native(&["{\"id\": }"])), "mine.jsonl, line 2: expected value at column 8");
    let other = changed("hat", "coat");
    assert_eq!(
        message(native(&[ROW, &other])),
        "mine.jsonl, line 3, item `face-01`: the id is already used at mine.jsonl, line 2, item \
         `face-01`; ids must differ"
    );
}

#[test]
fn unusable_rows_are_kept_out_and_listed() {
    let rows = [
        ROW.to_owned(),
        changed("\"value\":\"face\"", "\"value\":\"fase\""),
        changed("\"NTA\"", "\"Neutrall\""),
        changed("\"YTA\"", "\"NTA\""),
        changed("He laughed at my hat.\\n\\nWas I wrong to leave?", " \\n\\t"),
        changed("\"face-01\"", "\"face-02\"").replace("\\n\\n", "   \\n"),
        changed("\"face-01\"", "\"face-03\"").replace("\"YTA\"", "\"Neutral\""),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let DilemmaImport { set, report } = native(&rows).unwrap();
    assert_eq!(set.dilemmas.len(), 1);
    assert_eq!((report.rows, report.kept, report.kept_out()), (7, 1, 6));
    let shown = report.to_string();
    let place = |line: usize| format!("mine.jsonl, line {line}, item `face-01`");
    for line in [
        "7 rows in 1 file, 1 kept".to_owned(),
        "exact duplicates, kept out: 2".to_owned(),
        format!("  mine.jsonl, line 7, item `face-02`: the same post as {}", place(2)),
        format!(
            "  mine.jsonl, line 8, item `face-03`: the same post as {} with other stances",
            place(2)
        ),
        format!("  {}: NTA from people high and low on the value", place(5)),
        format!("  {}, field `value`: found `fase`; did you mean `face`?", place(3)),
        format!("  {}, field `high_stance`: found `Neutrall`; did you mean `Neutral`?", place(4)),
        format!("  {}", place(6)),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\nis not in\n{shown}");
    }
    assert_eq!(
        message(native(&rows[1..5])),
        "mine.jsonl: there is no usable dilemma: 1 row with equal stances, 1 unknown value, 1 \
         unknown stance, 1 blank post"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["unknown_values"][0]["suggestion"], "face");
    assert_eq!(json["blank_posts"][0], place(6));
}

const PUBLIC: &str = r#"{
  "Power_face": [
    {"post": "He laughed.\nWas I wrong?", "value": "Face ", "high_standard_stance": "NTA",
     "low_standard_stance": "Neutral", "flair": "x", "justification": {"value_assignment": "a",
     "high_standard_stance": "b", "low_standard_stance": "c", "more": 1}},
    {"post": "She sang.", "value": "Humility", "high_standard_stance": "YTA",
     "low_standard_stance": "NTA", "flair": "y", "justification": null}
  ],
  "Self-direction: thought": [
    {"post": "He  laughed. Was I wrong?", "high_standard_stance": "NTA",
     "low_standard_stance": "YTA"},
    {"post": "They read.", "value": "Self direction thinking", "high_standard_stance": "NTA",
     "low_standard_stance": "YTA"}
  ],
  "Power": [
    {"post": "A", "high_standard_stance": "NTA", "low_standard_stance": "YTA"},
    {"post": "B", "value": "POD", "high_standard_stance": "NTA", "low_standard_stance": "YTA"}
  ],
  "Power_face": [
    {"post": "He laughed.  Was I wrong?", "value": "FAC", "high_standard_stance": "NTA",
     "low_standard_stance": "YTA"}
  ]
}"#;

#[test]
fn reads_the_public_json() {
    let DilemmaImport { set, report } = public(PUBLIC).unwrap();
    assert_eq!((set.name.as_str(), set.licence.as_deref()), ("theirs", None));
    let values: Vec<V> = set.dilemmas.iter().map(|dilemma| dilemma.value).collect();
    assert_eq!(
        values,
        [V::Face, V::Humility, V::SelfDirectionThought, V::SelfDirectionThought, V::PowerDominance]
    );
    let first = &set.dilemmas[0];
    assert_eq!(first.post, "He laughed.\nWas I wrong?");
    assert_eq!(first.low_stance, Stance::Neutral);
    assert_eq!(first.justification.low_stance, "c");
    assert_eq!(first.provenance, Provenance::Imported);
    assert_eq!(first.id, format!("face-{}", first.cluster()));
    assert_eq!(set.dilemmas[1].justification, Justification::default());

    assert_eq!((report.rows, report.kept, report.kept_out()), (7, 5, 2));
    // The second list of the same name is read too.
    assert_eq!(report.exact_duplicates.len(), 1);
    assert!(!report.exact_duplicates[0].same_stances);
    assert_eq!(report.exact_duplicates[0].place.to_string(), "theirs.json, item `Power_face[0]`");
    assert_eq!(report.unknown_values.len(), 1);
    assert_eq!(report.unknown_values[0].found, "Power");
    let shared = &report.same_post_other_values[0].rows;
    assert_eq!(shared.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [values[0], values[2]]);
    assert_eq!(set.dilemmas[0].cluster(), set.dilemmas[2].cluster());
    let mismatches: Vec<_> = report
        .value_mismatches
        .iter()
        .map(|found| (found.list.as_str(), found.row.as_str(), found.used))
        .collect();
    assert_eq!(
        mismatches,
        [
            ("Power_face", "Humility", V::Humility),
            ("Self-direction: thought", "Self direction thinking", V::SelfDirectionThought),
            ("Power", "POD", V::PowerDominance),
        ]
    );
    let ignored: Vec<_> =
        report.ignored_fields.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    assert_eq!(ignored, [("flair", 2), ("justification.more", 1)]);
}

#[test]
fn writes_the_public_json_that_it_reads() {
    let set = public(PUBLIC).unwrap().set;
    let written = set.to_public_json().unwrap();
    let again = DilemmaSet::parse(written.as_bytes(), "theirs.json").unwrap();
    assert_eq!(again.report.kept_out() + again.report.value_mismatches.len(), 0);
    let sorted = |set: &DilemmaSet| {
        let mut rows = set.dilemmas.clone();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    };
    assert_eq!(sorted(&again.set), sorted(&set));
    let json: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(json["Face"][0]["value"], "Face");
    assert_eq!(json["Humility"][0]["high_standard_stance"], "YTA");
    assert_eq!(json["Humility"][0]["justification"]["value_assignment"], "");
}

#[test]
fn broken_public_rows_are_errors_that_name_row_and_field() {
    let read = |from: &str, to: &str| {
        assert!(PUBLIC.contains(from), "{from}");
        message(public(&PUBLIC.replacen(from, to, 1)))
    };
    assert_eq!(
        read("\"post\": \"She sang.\"", "\"post\": 5"),
        "theirs.json, item `Power_face[1]`, field `post`: found `5`, expected a string"
    );
    assert_eq!(
        read("\"high_standard_stance\": \"YTA\",", ""),
        "theirs.json, item `Power_face[1]`, field `high_standard_stance`: the field is missing or \
         empty; give it a value"
    );
    assert_eq!(
        read("\"justification\": null", "\"justification\": \"x\""),
        "theirs.json, item `Power_face[1]`, field `justification`: found `\"x\"`, expected an \
         object"
    );
    assert!(
        read("\"value_assignment\": \"a\"", "\"value_assignment\": []")
            .starts_with("theirs.json, item `Power_face[0]`, field `value_assignment`: found `[]`")
    );
    assert!(read("\"POD\",", "\"POD\"").starts_with("theirs.json, line 17: expected `,`"));
    assert_eq!(
        message(public("{\"Face\": {}}")),
        "theirs.json, field `Face`: found `{}`, expected a list of posts"
    );
    assert_eq!(
        message(public("{\"Face\": [[]]}")),
        "theirs.json, item `Face[0]`: found `[]`, expected an object"
    );
    assert!(message(public("[]")).contains("an object with a list of posts for each value"));
    assert_eq!(message(public("{}")), "theirs.json: there is no usable dilemma");
}

#[test]
fn hostile_text_is_taken_or_named() {
    // The bytes are wrong on the second line.
    let latin = [HEADER.as_bytes(), b"\n{\"id\":\"d\xe9j\xe0\"}"].concat();
    assert_eq!(
        message(DilemmaSet::parse(&latin, "mine.jsonl")),
        "mine.jsonl, line 2: the text is not UTF-8; save the file as UTF-8"
    );
    let raw_nul = changed("hat", "h\0at");
    assert!(message(native(&[&raw_nul])).starts_with("mine.jsonl, line 2: control character"));
    let escaped = changed("hat", "h\\u0000a\\u202et");
    assert!(native(&[&escaped]).unwrap().set.dilemmas[0].post.contains("h\0a\u{202e}t"));
    let lone_surrogate = changed("hat", "\\ud800");
    assert!(message(native(&[&lone_surrogate])).starts_with("mine.jsonl, line 2: "));

    let long = "a".repeat(1 << 20);
    let import = native(&[&changed("hat", &long), ROW]).map(|import| import.set.dilemmas.len());
    // Both rows have the id face-01.
    assert!(message(import).contains("the id is already used"));
    let import = native(&[&changed("hat", &long)]).unwrap();
    assert!(import.set.dilemmas[0].post.len() > 1 << 20);
    assert_eq!(import.set.dilemmas[0].cluster().len(), 16);
    let value = message(native(&[&changed("\"face\"", &format!("\"{long}\""))]));
    assert!(value.len() < 200, "{value}");
    let id = message(native(&[&changed("\"face-01\"", &format!("[\"{long}\"]"))]));
    assert!(id.len() < 200, "{id}");

    let turned = changed("\"face\"", "\"\u{202e}ecaf\\u001b\"");
    let report = native(&[&turned, ROW]);
    let shown = report.unwrap().report.to_string();
    assert!(
        shown.contains("found `\u{fffd}ecaf\u{fffd}`") && !shown.contains('\u{202e}'),
        "{shown}"
    );

    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(message(native(&[&deep])).contains("recursion limit"));
    assert!(message(public(&deep)).contains("an object with a list of posts"));
    assert!(message(public(&format!("{{\"Face\":{deep}}}"))).contains("recursion limit"));
}

#[test]
fn folders_are_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let read = || DilemmaSet::read(folder.path());
    assert!(message(read()).ends_with("there is no usable dilemma: the folder has no .jsonl file"));
    let second = changed("face-01", "face-02").replace("hat", "coat");
    write("b.jsonl", &format!("{HEADER}\n{ROW}\n"));
    write("a.JSONL", &format!("{HEADER}\n{second}\n"));
    write("notes.txt", "not a data set");
    let import = read().unwrap();
    let ids: Vec<&str> = import.set.dilemmas.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["face-02", "face-01"]);
    assert_eq!((import.report.files, import.report.rows), (2, 2));

    write("c.jsonl", &format!("{}\n", HEADER.replace("null", "\"MIT\"")));
    let mismatch = message(read());
    assert!(mismatch.contains("c.jsonl, field `licence`: found `MIT`, but "), "{mismatch}");
    assert!(mismatch.ends_with("a.JSONL says none; a set has one header"), "{mismatch}");
    write("c.jsonl", &format!("{}\n", HEADER.replace("mine", "other")));
    assert!(message(read()).contains("field `name`: found `other`, but "));
    // The same id in another file.
    write("c.jsonl", &format!("{HEADER}\n{}\n", changed("hat", "scarf")));
    let twice = message(read());
    assert!(twice.contains("c.jsonl, line 2") && twice.contains("b.jsonl, line 2"), "{twice}");
    assert!(message(DilemmaSet::read(Path::new("no/such.jsonl"))).starts_with("no/such.jsonl: "));
}

#[test]
fn the_format_is_told_from_the_content() {
    let text = format!("{HEADER}\n{ROW}\n");
    assert_eq!(DilemmaSet::parse(text.as_bytes(), "x.json").unwrap().set.name, "mine");
    let flat = PUBLIC.replace('\n', " ");
    assert_eq!(DilemmaSet::parse(flat.as_bytes(), "download").unwrap().set.dilemmas.len(), 5);
}

#[test]
fn invalid_sets_are_not_written() {
    let valid = native(&[ROW]).unwrap().set;
    let refused = |change: fn(&mut DilemmaSet)| {
        let mut set = valid.clone();
        change(&mut set);
        let [ours, theirs] = [set.to_jsonl(), set.to_public_json()].map(message);
        assert_eq!(ours, theirs);
        ours
    };
    assert_eq!(refused(|set| set.dilemmas.clear()), "mine: there is no usable dilemma");
    let twice = refused(|set| set.dilemmas.extend(set.dilemmas.clone()));
    assert!(twice.contains("the id is already used"), "{twice}");
    let blank = refused(|set| set.dilemmas[0].post = " ".into());
    assert!(blank.contains("field `post`: the field is missing"), "{blank}");
    assert_eq!(
        refused(|set| set.dilemmas[0].low_stance = Stance::Nta),
        "mine, item `face-01`, field `low_stance`: found `NTA`, expected another verdict than in \
         `high_stance`"
    );
}

#[test]
fn hashes_tell_contents_apart_and_stay() {
    let set = native(&[ROW]).unwrap().set;
    // Computed outside this crate: SHA-256 over the length (64 bits, little endian) and the bytes
    // of each field.
    assert_eq!(set.dilemmas[0].cluster(), "3a10d5d0fbfccc48");
    assert_eq!(
        set.content_hash(),
        "b26b356719f56d08f820daa25048c6b58653ba313d33f632978561316c11a720"
    );
    let differs = |change: fn(&mut DilemmaSet)| {
        let mut other = set.clone();
        change(&mut other);
        other.content_hash() != set.content_hash()
    };
    assert!(differs(|set| set.dilemmas[0].id.push('x')));
    assert!(differs(|set| set.dilemmas[0].value = V::Humility));
    assert!(differs(|set| set.dilemmas[0].high_stance = Stance::Neutral));
    assert!(differs(|set| set.dilemmas[0].low_stance = Stance::Neutral));
    assert!(differs(|set| set.dilemmas[0].post.push(' ')));
    assert!(differs(|set| set.dilemmas.extend(set.dilemmas.clone())));
    assert!(!differs(|set| set.name.push('x')));
    assert!(!differs(|set| set.dilemmas[0].justification.value.push('x')));
    assert!(!differs(|set| set.dilemmas[0].provenance = Provenance::Imported));
}
