//! `axia data` as users run it.

use said::Said;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

mod said;

/// A folder to run in, with the files of one test.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            fs::write(bench.path(name), text).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `axia data` with these words.
    fn run(&self, words: &str) -> Said {
        self.run_args(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn run_args(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        let output = command.arg("data").args(args).current_dir(self.folder.path()).output();
        output.unwrap().into()
    }

    /// Runs a command that succeeds and gives its data.
    fn ok(&self, words: &str) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said.out
    }

    /// Runs a command that fails with this exit code, without data, and says all of `parts`.
    fn fails(&self, words: &str, code: i32, parts: &[&str]) {
        let said = self.run(words);
        assert_eq!(said.code, code, "{words}: {said:?}");
        assert_eq!(said.out, "", "{words}");
        for part in parts {
            assert!(said.err.contains(part), "{words}: no `{part}` in {}", said.err);
        }
    }
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(text: &str) -> Vec<String> {
    lines(text).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// Three items, two of them of power; one instruction, two templates.
const SMALL: &str = r#"
name = "small"
instructions = ["Rate."]
templates = ["My answer is {rating}.", "Score = {rating}"]

[[item]]
id = "lead"
value = "power-dominance"
split = "train"
domain = "public-life"
statement = "I like to take the lead when people meet."
contrast = "I like to sit at the back when people meet."

[[item]]
id = "follow"
value = "power-dominance"
split = "train"
statement = "I like to follow where other people go."
contrast = "I like to walk in front of other people."
reversed = true

[[item]]
id = "bow"
value = "humility"
split = "train"
statement = "I like to let other people shine for once."
contrast = "I like to shine before other people for once."
"#;

const RATINGS: &str = "{\"item\": \"lead\", \"rating\": 5}\n{\"item\": \"follow\", \"rating\": 2}\n\
                       {\"item\": \"bow\", \"rating\": 3}\n";

const PUBLIC_JSON: &str = r#"{
    "tasks": ["Rate."],
    "response_template": ["Rating: {rating}"],
    "train": [{"sentence": " I lead. ", "negative_sentence": "I listen.",
        "category": "Power: dominance", "level1": ["have influence"],
        "level2": ["Power: dominance"], "level3": ["Self-enhancement"], "level4": []}],
    "eval": [],
    "test": [{"sentence": "I bow.", "negative_sentence": "I shine.", "category": "Humility",
        "level1": ["be humble"], "level2": ["Humility"], "level3": [], "level4": []}]
}"#;

const VALUEBENCH: &str = "questionnaire,item,value,agreement,question\n\
    PVQ40,I lead.,Power,1,Do I lead?\n\
    PVQ40,I follow.,Power,-1,Do I follow?\n\
    Other,I talk first.,Social Boldness,1,Do I?\n";

const CSV: &str = "statement,value,contrast\nI lead.,power dominance,I listen.\nI bow.,Humility,\n";

#[test]
fn the_bundled_data_passes_its_check() {
    let bench = Bench::new(&[]);
    let text = bench.ok("check");
    assert!(text.contains("checked with the full profile"), "{text}");
    assert!(text.contains("594 items in 27 variants") && text.contains("0 errors"), "{text}");
    let reports: Json = serde_json::from_str(&bench.ok("check --json --profile general")).unwrap();
    let [survey, dilemmas] = [&reports["survey"], &reports["dilemmas"]];
    assert_eq!((&survey["profile"], &dilemmas["profile"]), (&json!("general"), &json!("general")));
    assert_eq!(survey["summary"]["splits"], json!({"train": 378, "validation": 108, "test": 108}));
    assert_eq!(dilemmas["summary"]["dilemmas"], 200);
    let games = reports["games"].as_array().unwrap();
    let names: Vec<&Json> = games.iter().map(|game| &game["game"]).collect();
    assert_eq!(names, ["cold-harbour", "lantern-street", "the-weir"]);
}

#[test]
fn dilemmas_are_imported_checked_and_exported() {
    let bench = Bench::new(&[]);
    bench.ok("export-dilemmas --out public.json");
    let public: Json = serde_json::from_str(&bench.read("public.json")).unwrap();
    let rows = public.as_object().unwrap().values().map(|rows| rows.as_array().unwrap().len());
    assert_eq!(rows.collect::<Vec<_>>(), vec![10; 20]);
    assert!(bench.ok("check public.json").contains("general profile"));
    bench.ok("import-dilemmas public.json --name again --out again.jsonl");
    bench.ok("export-dilemmas again.jsonl --out twice.json");
    assert_eq!(bench.read("public.json"), bench.read("twice.json"));
    assert!(bench.ok("check again.jsonl").contains("0 errors"));

    // Rows that cannot be used are kept out, and said to be.
    let text = bench.read("public.json").replacen("\"NTA\"", "\"YTA\"", 1);
    fs::write(bench.path("equal.json"), text).unwrap();
    let said = bench.run("import-dilemmas equal.json --out equal.jsonl");
    assert!(said.code == 0 && said.err.contains("equal stances"), "{said:?}");
    bench.fails("check nothing.jsonl", 2, &["nothing.jsonl"]);
}

#[test]
fn a_statement_that_names_its_facet_fails_the_check() {
    let bench = Bench::new(&[]);
    bench.ok("export --as toml --out mine.toml");
    assert!(bench.ok("check mine.toml").contains("full profile"));
    let (before, after) = bench.read("mine.toml").split_once("statement = ").map(owned).unwrap();
    let rest = after.split_once('\n').unwrap().1;
    let leak = "statement = \"I try to be a creative person in all that I do.\"";
    fs::write(bench.path("mine.toml"), format!("{before}{leak}\n{rest}")).unwrap();

    let said = bench.run("check mine.toml");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("error [leak]") && said.out.contains("be-creative-01"), "{said:?}");
    assert!(said.out.contains("1 errors"), "{said:?}");
    assert!(said.err.contains("`axia-survey` has an error"), "{said:?}");
    let said = bench.run("check mine.toml --json");
    let report: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["findings"][0]["rule"]), (1, &json!("leak")));
    assert_eq!(bench.run("check mine.toml --profile general").code, 0);
}

fn owned((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[test]
fn small_surveys_are_checked_generally_unless_told_otherwise() {
    let bench = Bench::new(&[("small.toml", SMALL)]);
    assert!(bench.ok("check small.toml").contains("general profile"));
    let said = bench.run("check small.toml --profile full");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("error [facet-counts]"), "{said:?}");
}

#[test]
fn unreadable_surveys_are_input_errors_that_name_the_place() {
    let unknown = SMALL.replace("\"humility\"", "\"humilty\"");
    let bench = Bench::new(&[
        ("unknown.toml", &unknown),
        ("empty.toml", "name = \"empty\"\n"),
        ("empty.csv", "statement,value\n"),
        ("survey.xyz", SMALL),
        ("broken.json", "{\"train\": ["),
    ]);
    bench.fails(
        "check unknown.toml",
        2,
        &[
            "failed to read the survey: unknown.toml, line",
            "item `bow`, field `value`",
            "did you mean `humility`?",
        ],
    );
    bench.fails("check empty.toml", 2, &["empty.toml: there are no items"]);
    bench.fails("import empty.csv", 2, &["empty.csv: there are no items"]);
    bench.fails("show absent.toml", 2, &["absent.toml"]);
    bench.fails("check survey.xyz", 2, &["format cannot be told", "--format"]);
    bench.fails("import broken.json", 2, &["broken.json, line 1"]);
    assert!(bench.ok("check survey.xyz --format toml").contains("3 items"));
    bench.fails("check --format toml", 2, &["name one"]);
}

#[test]
fn public_json_comes_in_and_goes_out() {
    let bench = Bench::new(&[("theirs.json", PUBLIC_JSON)]);
    let said = bench.run("import theirs.json --name ours --out ours.toml");
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(said.err.contains("wrote 2 items (1 train, 0 validation, 1 test)"), "{said:?}");
    let ours = bench.read("ours.toml");
    assert!(ours.contains("name = \"ours\"") && ours.contains("value = \"power-dominance\""));
    assert!(ours.contains("statement = \"I lead.\"") && ours.contains("Rating: {rating}"));
    let exported: Json =
        serde_json::from_str(&bench.ok("export ours.toml --as public-json")).unwrap();
    assert_eq!(exported["tasks"], json!(["Rate."]));
    assert_eq!(exported["train"][0]["sentence"], "I lead.");
    assert_eq!(exported["test"][0]["level1"], json!(["be humble"]));
    bench.fails("import theirs.json --split train", 2, &["--split", "itself"]);
}

#[test]
fn one_questionnaire_of_valuebench_is_imported() {
    let bench = Bench::new(&[("bench.csv", VALUEBENCH)]);
    bench.fails("import bench.csv", 2, &["PVQ40, Other", "--questionnaire"]);
    bench.fails("import bench.csv --questionnaire PVQ4", 2, &["did you mean `PVQ40`?"]);
    let said = bench.run("import bench.csv --questionnaire pvq40");
    assert!(said.out.contains("id = \"pvq40-002\"") && said.out.contains("reversed = true"));
    assert!(said.err.contains("instructions of the bundled survey"), "{said:?}");
    let other = ["show", "bench.csv", "--questionnaire", "Other", "--json", "--value"];
    let shown = bench.run_args(&[&other[..], &["social boldness"]].concat());
    assert_eq!(ids(&shown.out), ["other-001"]);
    let words = "show bench.csv --questionnaire Other --value";
    bench.fails(&format!("{words} boldness"), 2, &["the survey measures Social Boldness"]);
    bench.fails(&format!("{words} power"), 2, &["no item measures it"]);
}

#[test]
fn tables_get_their_splits_as_told() {
    let twins: String = (1..=11).map(|n| format!("Statement {n}.,hedonism,\n")).collect();
    let jsonl = "{\"text\": \"I lead.\", \"trait\": \"Boldness\"}\n";
    let bench = Bench::new(&[
        ("two.csv", CSV),
        ("two.tsv", &CSV.replace(',', "\t")),
        ("one.jsonl", jsonl),
        ("eleven.csv", &format!("statement,value,contrast\n{twins}")),
    ]);
    let splits = |words: &str| {
        let toml = bench.ok(words);
        ["train", "validation", "test"]
            .map(|split| toml.matches(&format!("split = \"{split}\"")).count())
    };
    assert_eq!(splits("import two.csv"), [0, 0, 2]);
    assert_eq!(splits("import two.tsv --split train"), [2, 0, 0]);
    assert_eq!(splits("import two.csv --split validation"), [0, 2, 0]);
    assert_eq!(splits("import eleven.csv --split-seed 3"), [7, 2, 2]);
    assert_eq!(splits("import eleven.csv --split-seed 3 --split-parts 5:0:6"), [5, 0, 6]);
    let drawn = |seed: u8| bench.ok(&format!("import eleven.csv --split-seed {seed}"));
    assert_eq!(drawn(3), drawn(3));
    assert_ne!(drawn(3), drawn(4));
    assert!(bench.ok("import one.jsonl").contains("dimension = \"Boldness\""));
    bench.fails("import two.csv --split trian", 2, &["use train, validation or test"]);
    bench.fails("import two.csv --split-seed 1 --split-parts 0:0:0", 2, &["such as 7:2:2"]);
    bench.fails("import two.csv --split-parts 1:1:1", 2, &["--split-seed"]);
    bench.fails("import two.csv --split train --split-seed 1", 2, &["cannot be used with"]);
}

#[test]
fn surveys_survive_the_way_through_files() {
    let bench = Bench::new(&[("small.toml", SMALL)]);
    let once = bench.ok("import small.toml");
    fs::write(bench.path("once.toml"), &once).unwrap();
    assert_eq!(bench.ok("export once.toml --as toml"), once);
    bench.ok("export --as toml --out all.toml");
    bench.ok("export --as public-json --out all.json");
    let shown = bench.ok("show --json");
    assert_eq!(bench.ok("show all.toml --json"), shown);
    fs::write(bench.path("all.jsonl"), &shown).unwrap();
    assert_eq!(bench.ok("show all.jsonl --json"), shown);
    let statements = |words: &str| -> Vec<String> {
        let shown = lines(&bench.ok(words));
        let mut texts: Vec<_> = shown.iter().map(|item| item["statement"].to_string()).collect();
        texts.sort();
        texts
    };
    assert_eq!(statements("show all.json --json"), statements("show --json"));
    bench.fails("export small.toml --as public-json", 2, &["item `follow`", "reverse-keyed"]);
    bench.fails("export small.toml --as toml --split test", 2, &["no items"]);
}

#[test]
fn files_are_overwritten_by_force_alone() {
    let bench = Bench::new(&[("two.csv", CSV), ("there.toml", "precious")]);
    bench.fails("import two.csv --out there.toml", 2, &["`there.toml` exists", "--force"]);
    assert_eq!(bench.read("there.toml"), "precious");
    bench.fails("import two.csv --force", 2, &["--out"]);
    bench.ok("import two.csv --out there.toml --force");
    assert!(bench.read("there.toml").contains("I lead."));
    bench.ok("import two.csv --out new/folder/two.toml");
    assert_eq!(names(&bench.path("new/folder")), ["two.toml"]);
    bench.fails("import two.csv --out two.csv/x.toml", 1, &["failed to write `two.csv/x.toml`"]);
    // A failed import leaves nothing behind.
    bench.fails("import two.csv --questionnaire X --format valuebench --out x.toml", 2, &[]);
    assert!(!bench.path("x.toml").exists());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn shown_items_are_those_asked_for() {
    let bench = Bench::new(&[("small.toml", SMALL)]);
    assert_eq!(ids(&bench.ok("show small.toml --value power --json")), ["lead", "follow"]);
    assert_eq!(ids(&bench.ok("show small.toml --limit 1 --json")), ["lead"]);
    assert_eq!(bench.ok("show small.toml --split test --json"), "");
    let said = bench.run("show small.toml --value humility");
    assert_eq!(
        said.out,
        "bow  Humility · train\n    I like to let other people shine for once.\n    contrast: I \
         like to shine before other people for once.\n\n"
    );
    assert_eq!(said.err, "1 of 3 items\n");
    assert!(bench.ok("show small.toml").contains("(reverse-keyed)"));
    let facet = bench.run_args(&["show", "--facet", "Be Creative", "--split", "test", "--json"]);
    assert_eq!(ids(&facet.out), ["be-creative-10", "be-creative-11"]);
    bench.fails("show --value powr", 2, &["--value: unknown value `powr`; did you mean"]);
    bench.fails("show small.toml --value face", 2, &["no item measures it", "humility"]);
    bench.fails("show --facet creative", 2, &["--facet: unknown facet `creative`"]);
    bench.fails("show small.toml --facet be-creative", 2, &["be creative: no item"]);
}

#[test]
fn shown_rows_are_whole_prompts() {
    let bench = Bench::new(&[("small.toml", SMALL)]);
    let text = bench.ok("show small.toml --limit 1 --rows");
    assert_eq!(
        text,
        "=== lead, instruction 1, template 1 ===\nRate.\n\nStatement:\nI like to take the lead \
         when people meet.\n\nMy answer is {rating}.\n\n=== lead, instruction 1, template 2 \
         ===\nRate.\n\nStatement:\nI like to take the lead when people meet.\n\nScore = \
         {rating}\n\n"
    );
    let rows = lines(&bench.ok("show small.toml --rows --json"));
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[2]["id"], json!({"item": "follow", "instruction": 0, "template": 0}));
    assert!(rows[2]["prompt"].as_str().unwrap().ends_with("go.\n\nMy answer is "));
    assert_eq!(rows[2]["candidates"], json!(["1.", "2.", "3.", "4.", "5.", "6."]));
}

const DOWN: &str = "--value power --direction down";

#[test]
fn supervised_rows_steer_the_target_alone() {
    let bench = Bench::new(&[("small.toml", SMALL), ("own.jsonl", RATINGS)]);
    let completions = |more: &str| -> Vec<String> {
        let rows =
            bench.ok(&format!("export small.toml --as sft {DOWN} --ratings own.jsonl {more}"));
        let text = |row: &Json| row["completion"].as_str().unwrap().to_owned();
        lines(&rows).iter().map(text).collect()
    };
    assert_eq!(completions(""), ["1.", "1", "6.", "6", "3.", "3"]);
    assert_eq!(completions("--control"), ["5.", "5", "2.", "2", "3.", "3"]);
    let words = format!("export small.toml --as sft {DOWN} --ratings own.jsonl --shape messages");
    let statement = "I like to take the lead when people meet.";
    assert_eq!(
        lines(&bench.ok(&words))[0],
        json!({"messages": [
            {"role": "user", "content": format!("Rate.\n\nStatement:\n{statement}")},
            {"role": "assistant", "content": "My answer is 1."},
        ]})
    );
    let said = bench.run(&format!("{words} --out rows.jsonl"));
    assert!(said.err.contains("wrote 6 rows for power-down to `rows.jsonl`"), "{said:?}");
}

#[test]
fn preference_pairs_need_no_ratings() {
    let bench = Bench::new(&[("small.toml", SMALL), ("own.jsonl", RATINGS)]);
    let chosen = |more: &str| -> Vec<String> {
        let pairs = lines(&bench.ok(&format!("export small.toml --as preferences {DOWN} {more}")));
        let word =
            |pair: &Json| pair["chosen"].as_str().unwrap().split(' ').nth(3).unwrap().to_owned();
        pairs.iter().map(word).collect()
    };
    assert_eq!(chosen(""), ["sit", "follow", "let"]);
    assert_eq!(chosen("--ratings own.jsonl"), ["sit", "follow", "shine"]);
    assert_eq!(chosen("--control"), ["take", "follow", "let"]);
    assert_eq!(chosen("--control --ratings own.jsonl"), ["take", "walk", "shine"]);
    let pairs =
        lines(&bench.ok(&format!("export --as preferences {DOWN} --shape messages --split test")));
    assert_eq!(pairs.len(), 108);
    assert_eq!(pairs[0]["prompt"][0]["role"], "user");
    assert_eq!(pairs[0]["rejected"][0]["role"], "assistant");
}

#[test]
fn exports_say_what_they_lack() {
    let one = RATINGS.lines().next().unwrap();
    let bench = Bench::new(&[
        ("small.toml", SMALL),
        ("one.jsonl", one),
        ("seven.jsonl", "{\"item\": \"lead\", \"rating\": 7}\n"),
        ("twice.jsonl", &format!("{one}\n{{\"item\": \"lead\", \"rating\": 1}}\n")),
        (
            "plain.toml",
            &SMALL.replace("contrast", "domain").replace("domain = \"public-life\"\n", ""),
        ),
    ]);
    let sft = format!("export small.toml --as sft {DOWN}");
    bench.fails(&sft, 2, &["--ratings FILE", "axia profile", "ratings.jsonl"]);
    bench.fails(&format!("{sft} --ratings none.jsonl"), 2, &["none.jsonl"]);
    bench.fails(&format!("{sft} --ratings one.jsonl"), 2, &["`follow` has no baseline rating"]);
    bench.fails(&format!("{sft} --ratings seven.jsonl"), 2, &["line 1", "7 is no rating"]);
    bench.fails(&format!("{sft} --ratings twice.jsonl"), 2, &["`lead` both 5 and 1"]);
    bench.fails(&format!("{sft} --ratings one.jsonl --split test"), 2, &["test items"]);
    bench.fails("export --as sft", 2, &["--value", "--direction"]);
    bench.fails("export --as preferences --value power", 2, &["--direction"]);
    bench.fails("export --as preferences --value powr --direction up", 2, &["did you mean"]);
    bench.fails("export --as preferences --value power --direction left", 2, &["use down or up"]);
    bench.fails("export --as toml --shape messages", 2, &["--shape is for training data"]);
    bench.fails(&format!("export plain.toml --as preferences {DOWN}"), 2, &["has no contrast"]);
    bench.fails("export", 2, &["--as"]);
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
    command.args(["data", "show", "--rows"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), stderr.as_slice()), (Some(0), &b"594 of 594 items\n"[..]));
}

#[test]
fn help_teaches_by_example() {
    let bench = Bench::new(&[]);
    for verb in [
        "",
        "import",
        "check",
        "show",
        "export",
        "import-dilemmas",
        "export-dilemmas",
        "verify-games",
    ] {
        let help = bench.ok(&format!("{verb} --help"));
        assert!(help.contains("Examples:\n  axia data "), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[cfg(unix)]
#[test]
fn a_limit_on_files_is_an_error_with_a_name() {
    let bench = Bench::new(&[]);
    let words = "ulimit -f 1 && exec \"$0\" data export --as preferences --value power \
                 --direction down --out pairs.jsonl";
    let output = Command::new("sh")
        .args(["-c", words, env!("CARGO_BIN_EXE_axia")])
        .current_dir(bench.folder.path())
        .output();
    let said = Said::from(output.unwrap());
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("pairs.jsonl") && said.err.contains("too large"), "{said:?}");
    assert!(!bench.path("pairs.jsonl").exists(), "half a file is left");
}
