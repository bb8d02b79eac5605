//! `axia data verify-games` and `axia data check` with games, as users run them.

use said::Said;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

mod said;

#[allow(dead_code)]
#[path = "../../axia-adventure/tests/reference/fixtures.rs"]
mod fixtures;

struct Bench {
    folder: TempDir,
}

impl Bench {
    /// With the reference game's data in `game_data`.
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fixtures::write_game_data(&bench.path("game_data"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self, words: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        command.arg("data").args(words.split_whitespace()).current_dir(self.folder.path());
        command.output().unwrap().into()
    }

    /// The report on the reference game, whether it is good or bad.
    fn report(&self, code: i32) -> Json {
        let said = self.data("verify-games game_data --game harbour-ledger --json");
        assert_eq!(said.code, code, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }
}

const SOURCE: &str = "source/harbour-ledger.json";
const TREE: &str = "trees/harbour-ledger_game_tree.json";
const ANNOTATIONS: &str = "annotations_clean/harbour-ledger.json";
const VARIABLES: &str = "annotations_clean/variables.json";
const METADATA: &str = "game_metadata.json";
const COEFFICIENTS: &str = "normalization_coeffs.json";

#[test]
fn whole_data_are_described() {
    let bench = Bench::new();
    let report = bench.report(0);
    let game = &report["games"][0];
    assert_eq!(report["problems"], json!([]));
    assert_eq!((&report["present"], &report["benchmark_games"]), (&json!(1), &json!(134)));
    assert_eq!(game["state"], "complete");
    assert_eq!((&game["scenes"], &game["tree_nodes"]), (&json!(8), &json!(162)));
    assert_eq!((&game["achievements"], &game["max_points"]), (&json!(7), &json!(100)));
    assert_eq!((&game["random_games"], &game["annotated"]["in_file"]), (&json!(200), &json!(108)));
    assert!(game["trial_steps"].as_u64().unwrap() > 5);
    let files: Vec<&Json> = game["files"].as_array().unwrap().iter().collect();
    assert_eq!(files.len(), 3);
    assert_eq!(files[0]["path"], SOURCE);
    assert_eq!(files[0]["sha256"].as_str().unwrap().len(), 64);
    let hash = report["sha256"].clone();
    fs::write(bench.path("game_data/source/._harbour-ledger.json"), "\u{0}\u{5}").unwrap();
    assert_eq!(bench.report(0)["sha256"], hash);
}

#[test]
fn missing_games_are_counted() {
    let bench = Bench::new();
    let said = bench.data("verify-games game_data");
    assert_eq!(said.code, 1, "{said:?}");
    for part in [
        "games that are there: 1 of the benchmark's 134; test games: 0 of 30",
        "harbour-ledger  complete ",
        "missing (30): avatar-of-the-wolf, battlemage, ",
        "6 files, sha256 of them all ",
    ] {
        assert!(said.out.contains(part), "no `{part}` in {}", said.out);
    }
    assert!(said.err.contains("30 games are missing in `game_data`"), "{}", said.err);
    // A game that the descriptions know is missed too.
    let path = bench.path("game_data").join(METADATA);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "{\"lost-game\": {\"name\": \"Lost\"},", 1)).unwrap();
    let said = bench.data("verify-games game_data --json");
    let report: Json = serde_json::from_str(&said.out).unwrap();
    let games = report["games"].as_array().unwrap();
    let lost = games.iter().find(|game| game["name"] == "lost-game").unwrap();
    assert_eq!((games.len(), &lost["state"]), (32, &json!("missing")));
    let said = bench.data("verify-games game_data --game harbor-ledger");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("did you mean `harbour-ledger`?"), "{}", said.err);
}

/// What is done to a file, the state of the game then, and what is said: severity, file, message.
type Damage = (&'static str, fn(&Path), &'static str, (&'static str, &'static str, &'static str));

#[test]
fn damage_is_named_with_what_to_do() {
    fn remove(path: &Path) {
        fs::remove_file(path).unwrap();
    }
    fn pointer(path: &Path) {
        fs::write(path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\n").unwrap();
    }
    fn cut(path: &Path) {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    fn other(path: &Path) {
        fs::write(path, "{}").unwrap();
    }
    fn list(path: &Path) {
        fs::write(path, "[]").unwrap();
    }
    fn packed(path: &Path) {
        fs::write(path, b"PK\x03\x04").unwrap();
    }
    fn no_killing(path: &Path) {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replacen("\"killing\"", "\"kindness\"", 1)).unwrap();
    }
    fn later(path: &Path) {
        let text = fs::read_to_string(path).unwrap();
        let mut tree: Json = serde_json::from_str(&text).unwrap();
        for node in tree.as_object_mut().unwrap().values_mut() {
            node["lines"] = json!([9999]);
        }
        fs::write(path, tree.to_string()).unwrap();
    }
    let cases: [Damage; 16] = [
        (SOURCE, remove, "broken", ("error", SOURCE, "cannot be played without its scenes")),
        (SOURCE, pointer, "broken", ("error", SOURCE, "git lfs pull")),
        (SOURCE, cut, "broken", ("error", SOURCE, "the file is cut off")),
        (SOURCE, list, "broken", ("error", SOURCE, "get it anew")),
        (SOURCE, packed, "broken", ("error", SOURCE, "unpack it")),
        (TREE, remove, "broken", ("error", TREE, "cannot be played without its tree")),
        (TREE, cut, "broken", ("error", TREE, "the file is cut off")),
        (TREE, later, "broken", ("error", TREE, "162 of 162 nodes")),
        (ANNOTATIONS, remove, "broken", ("error", ANNOTATIONS, "nothing counts")),
        (
            ANNOTATIONS,
            no_killing,
            "broken",
            ("error", ANNOTATIONS, "`morality.killing` is missing"),
        ),
        (METADATA, remove, "broken", ("error", METADATA, "the file is missing")),
        (METADATA, other, "broken", ("error", METADATA, "no entry for `harbour-ledger`")),
        (VARIABLES, remove, "incomplete", ("warning", VARIABLES, "the file is missing")),
        (VARIABLES, other, "incomplete", ("warning", VARIABLES, "no entry for `harbour-ledger`")),
        (COEFFICIENTS, remove, "incomplete", ("warning", COEFFICIENTS, "the file is missing")),
        (COEFFICIENTS, cut, "broken", ("error", COEFFICIENTS, "the file is cut off")),
    ];
    for (file, damage, state, (severity, named, message)) in cases {
        let bench = Bench::new();
        damage(&bench.path("game_data").join(file));
        let report = bench.report(i32::from(severity == "error"));
        assert_eq!(report["games"][0]["state"], state, "{file} {message}: {report}");
        let problems = report["problems"].as_array().unwrap();
        let found = problems.iter().any(|problem| {
            problem["severity"] == severity
                && problem["file"] == named
                && problem["message"].as_str().unwrap().contains(message)
        });
        assert!(found, "{file}: no `{message}` in {problems:?}");
    }
}

#[test]
fn wrong_folders_are_told_right_ones() {
    let bench = Bench::new();
    for (words, part) in [
        ("verify-games .", "`./game_data`"),
        ("verify-games game_data/source", "name that folder"),
        ("verify-games nothing", "is no folder"),
    ] {
        let said = bench.data(words);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains(part), "{words}: {}", said.err);
    }
    let packed = tempfile::tempdir().unwrap();
    fs::write(packed.path().join("game_data.zip"), b"PK\x03\x04").unwrap();
    let said = bench.data(&format!("verify-games {}", packed.path().display()));
    assert_eq!(said.code, 2);
    assert!(said.err.contains("game_data.zip") && said.err.contains("unpack"), "{}", said.err);
}

/// A game with so many options of its only choice that lead to the label `on`.
fn own_game(folder: &Path, label: &str) {
    fs::create_dir_all(folder).unwrap();
    let startup = format!(
        "*create x 0\n*achievement a visible 100 A\n  Do a.\n  You did a.\nText.\n*choice\n  #One.\n    \
         *comment @one\n    *achieve a\n    *goto {label}\n  #Two.\n    *comment @two\n    *goto on\n\
         *label on\nEnd.\n*ending\n"
    );
    let marks = "[marks.one]\nvalues = { hedonism = 1 }\n[marks.two]\nvalues = { hedonism = -1 }\n";
    for (name, text) in [
        ("game.toml", "format_version = 1\ntitle = \"Own\"\n"),
        ("annotations.toml", &format!("format_version = 1\n{marks}")),
        ("startup.txt", &startup),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn games_of_ones_own_are_checked() {
    let bench = Bench::new();
    own_game(&bench.path("games/good"), "on");
    own_game(&bench.path("games/bad"), "off");
    let said = bench.data("check games/good");
    assert_eq!(said.code, 0, "{said:?}");
    for part in
        ["Own, checked in play", "marks                 2, of which 2 are annotated", "0 errors"]
    {
        assert!(said.out.contains(part), "no `{part}` in {}", said.out);
    }
    let said = bench.data("check games");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("startup.txt:10:") && said.out.contains("error: "), "{}", said.out);
    assert!(said.err.contains("`bad` has"), "{}", said.err);
    let said = bench.data("check games/bad --json");
    let report: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["game"]), (1, &json!("bad")));
    assert!(report["findings"].as_array().unwrap().iter().any(|f| f["rule"] == "unknown-label"));
    // A game that never comes to a choice has a report, too; one without a file has none.
    fs::write(bench.path("games/bad/startup.txt"), "*create x (1 / 0)\n*ending\n").unwrap();
    let said = bench.data("check games --json");
    let reports: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &reports["games"][0]["findings"][0]["severity"]), (1, &json!("error")));
    fs::remove_file(bench.path("games/bad/annotations.toml")).unwrap();
    let said = bench.data("check games");
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("annotations.toml"), "{}", said.err);
}
