//! `axia play` as users run it.

use said::Said;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

mod said;

#[allow(dead_code)]
#[path = "../../axia-adventure/tests/reference/fixtures.rs"]
mod fixtures;

/// A folder to run in, with the reference game's data in `game_data`.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fixtures::write_game_data(&bench.path("game_data"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        command
            .arg("play")
            .args(words.split_whitespace())
            .env("XDG_STATE_HOME", self.path("state"))
            .current_dir(self.folder.path());
        command
    }

    /// Runs `axia play` with these words, and this on its standard input.
    fn typing(&self, words: &str, input: &str) -> Said {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that fails early does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    fn ok(&self, words: &str) -> String {
        self.ok_typing(words, "")
    }

    fn ok_typing(&self, words: &str, input: &str) -> String {
        let said = self.typing(words, input);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said.out
    }

    fn fails(&self, words: &str, parts: &[&str]) {
        let said = self.typing(words, "");
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{words}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{words}: no `{part}` in {}", said.err);
        }
    }
}

const LEDGER: &str = "--game-data game_data --game harbour-ledger";

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Episodes in the form of the reference, from lines of steps and episodes.
fn episodes(text: &str) -> Vec<Json> {
    let mut steps = Vec::new();
    let mut episodes = Vec::new();
    for mut line in lines(text) {
        let kind = line.as_object_mut().unwrap().remove("kind").unwrap();
        if kind == "step" {
            let step = line.as_object_mut().unwrap();
            assert_eq!(step.remove("game").unwrap(), "harbour-ledger");
            assert!(step.remove("seed").unwrap().is_u64());
            steps.push(line);
        } else {
            assert_eq!(kind, "episode");
            line["steps"] = Json::Array(std::mem::take(&mut steps));
            let outcome = line["final"].as_object_mut().unwrap();
            assert!(outcome.remove("default_logging").is_some());
            assert!(outcome.remove("default_zero_mean").is_some());
            episodes.push(line);
        }
    }
    assert!(steps.is_empty());
    episodes
}

/// The benchmark's own programs recorded these games.
#[test]
fn the_reference_game_is_played_as_the_benchmark_plays_it() {
    let bench = Bench::new();
    bench.write("scripts.json", &fixtures::text("game_src/harbour-ledger/scripts.json"));
    let mut found =
        episodes(&bench.ok(&format!("--agent random {LEDGER} --compat env --episodes 40 --json")));
    found.extend(episodes(&bench.ok(&format!("--agent random {LEDGER} --episodes 5 --json"))));
    let replayed = bench.ok(&format!("--agent replay --actions scripts.json {LEDGER} --json"));
    found.extend(episodes(&replayed));
    let wanted = fixtures::lines("reference/trajectories.jsonl");
    assert_eq!((found.len(), wanted.len()), (57, 57));
    for (mut found, mut wanted) in found.into_iter().zip(wanted) {
        let id = wanted["id"].as_str().unwrap().to_owned();
        // Scores depend on means, which are sums in another order.
        let outcomes = (found["final"].take(), wanted["final"].take());
        assert_eq!(fixtures::difference(&id, &outcomes.0, &outcomes.1, 1e-9), None);
        assert_eq!(fixtures::difference(&id, &found, &wanted, 0.0), None);
    }
}

#[test]
fn recorded_games_can_be_replayed() {
    let bench = Bench::new();
    let played = bench.ok("--agent most-points --episodes 2 --json");
    let games: Vec<Json> =
        lines(&played).into_iter().filter(|line| line["kind"] == "episode").collect();
    let names: Vec<&str> = games.iter().map(|game| game["game"].as_str().unwrap()).collect();
    let (weir, lantern, harbour) = ("the-weir", "lantern-street", "cold-harbour");
    assert_eq!(names, [harbour, harbour, lantern, lantern, weir, weir]);
    assert_eq!(games[1]["id"], "most-points-2418");
    assert_eq!(games[0]["final"]["default_logging"], "run_trajectories");
    bench.write("played.jsonl", &played);
    let replayed = bench.ok("--agent replay --actions played.jsonl --json");
    assert_eq!(replayed, played.replace("\"agent\":\"most-points\"", "\"agent\":\"Scripted\""));
    let one = bench.ok("--agent replay --actions played.jsonl --game the-weir --json");
    assert!(replayed.ends_with(&one) && one.lines().count() < replayed.lines().count());
    bench.write("list.json", &games[4]["actions"].to_string());
    let one = bench.ok("--agent replay --actions list.json --game the-weir --json");
    let last: Json = serde_json::from_str(one.lines().last().unwrap()).unwrap();
    assert_eq!((&last["id"], &last["seed"]), (&json!("script-list"), &json!(2417)));
    assert_eq!(last["node_history"], games[4]["node_history"]);
}

#[test]
fn tables_name_their_conventions() {
    let bench = Bench::new();
    let table = bench.ok("--agent least-harm --episodes 3");
    for part in [
        "cold-harbour           3 ",
        "the-weir               3 ",
        "agent least-harm, first seed 2417",
        "logging run_trajectories",
        "random play's mean of 0 counts as 100 (paper)",
        "200 games from seed 2417",
    ] {
        assert!(table.contains(part), "no `{part}` in {table}");
    }
    let table = bench.ok(&format!("--agent random --compat env --max-steps 2 {LEDGER}"));
    assert!(table.contains("first seed 0\n  logging env_trajectory"), "{table}");
    assert!(table.contains("1 games were stopped before their end"), "{table}");
    let json = bench.ok(&format!("--agent random --compat env {LEDGER} --json"));
    let last: Json = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(last["final"]["default_logging"], "env_trajectory");
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::new();
    for (name, text) in [
        ("far.jsonl", "{\"seed\": 1, \"actions\": [0, 0]}\n{\"seed\": 1, \"actions\": [0, 9]}"),
        ("text.jsonl", "{\"seed\": 1, \"actions\": [0]}\n{\"seed\": \"a\", \"actions\": [0]}"),
        ("empty.json", "\n"),
        ("other.jsonl", "{\"game\": \"kung-fu\", \"seed\": 1, \"actions\": [0]}"),
        ("plain.json", "[0]"),
    ] {
        bench.write(name, text);
    }
    fs::create_dir(bench.path("nothing")).unwrap();
    for (words, parts) in [
        ("--agent nobody", &["nobody", "least-harm"][..]),
        ("--agent random --game the-wier", &["`the-wier`", "did you mean `the-weir`?"]),
        ("--agent random --game nothing", &["no game.toml"]),
        ("--agent random --games nothing", &["no game.toml"]),
        ("--agent random --game-data game_data", &["--game", "`harbour-ledger`"]),
        ("--agent random --game-data game_data --game harbor", &["mean `harbour-ledger`?"]),
        ("--agent random --game-data . --game x", &["`./game_data`", "name that folder"]),
        ("--agent random --game-data nothing --game x", &["no folder `source`"]),
        ("--agent random --games x --game-data y", &["cannot be used with"]),
        ("--agent random --seed=-1", &["--seed"]),
        ("--agent random --seed 4294967295 --episodes 2", &["seeds go up to 4294967295"]),
        ("--agent random --seed 18446744073709551615 --episodes 2", &["seeds go up to"]),
        ("--agent random --episodes 0", &["--episodes must be at least 1"]),
        ("--agent random --actions plain.json", &["--actions has no meaning with --agent random"]),
        ("--agent human --json", &["--json has no meaning with --agent human"]),
        ("--agent human", &["name it with --game", "the-weir"]),
        ("--agent random --save x", &["--save has no meaning"]),
        ("--agent replay", &["needs --actions"]),
        ("--agent replay --actions no.json", &["no.json"]),
        ("--agent replay --actions empty.json", &["empty.json", "holds no actions"]),
        ("--agent replay --actions plain.json", &["the list", "name one with --game"]),
        ("--agent replay --actions text.jsonl --game the-weir", &["line 2", "`seed` is `\"a\"`"]),
        ("--agent replay --actions other.jsonl --game the-weir", &["the-weir", "`kung-fu`"]),
        ("--agent replay --actions far.jsonl --game the-weir --seed 3", &["says the seeds itself"]),
        (
            "--agent replay --actions far.jsonl --game the-weir",
            &["`script-2` (line 2 of `far.jsonl`)", "step 1: action 9 is not one of the 4 options"],
        ),
    ] {
        bench.fails(words, parts);
    }
    let missing = bench.path("game_data/trees/harbour-ledger_game_tree.json");
    fs::remove_file(&missing).unwrap();
    bench.fails(&format!("--agent random {LEDGER}"), &["harbour-ledger_game_tree.json"]);
}

#[test]
fn actions_left_over_are_mentioned() {
    let bench = Bench::new();
    bench.write("long.json", &format!("{:?}", [0; 60]));
    let said = bench.typing("--agent replay --actions long.json --game the-weir", "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("actions were left over"), "{}", said.err);
}

/// A small game whose text tries to steer the terminal, and which fails in one place.
fn hostile(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in [
        (
            "game.toml",
            "format_version = 1\ntitle = \"The \\u001b[31mWell\"\nplayer_character = \"the guide\"",
        ),
        ("annotations.toml", "format_version = 1\n[marks.share]\n[marks.fail]\n"),
        (
            "startup.txt",
            "*create water 3\n*achievement good visible 100 Good\n  Be good.\n  You were good.\n\
             The well \u{1b}[2J\u{202e}is [i]low[/i].\n*choice\n  #Share.\n    *comment @share\n    \
             *achieve good\n    *goto on\n  #Fail.\n    *comment @fail\n    *set water (1 / 0)\n    \
             *goto on\n*label on\nOn you go.\n*ending\n",
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn people_play_with_plain_text_and_numbers() {
    let bench = Bench::new();
    hostile(&bench.path("well"));
    let play = "--agent human --game well";
    let out = bench.ok_typing(play, "?\n0\n3\nx\n2\n1\n");
    assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{out:?}");
    for part in [
        "The Well\n\nYou are the guide.",
        "The well is low.\n\n  1) Share.\n  2) Fail.\n\n[0 of 100 points] 1-2, ? for help > ?\n  1, 2, …",
        "> 3\nThere are the options 1 to 2; ? for help.\n",
        "> 2\nThe game fails here: startup.txt:13:",
        "> 1\n\n",
        "On you go.\n\nTHE END!\n\n* Good (+100 points): You were good.\n",
        "100 of 100 points, 1 of 1 achievements, 1 steps\n* Good (100)\n",
    ] {
        assert!(out.contains(part), "no {part:?} in {out:?}");
    }
    // Random play comes to the line that fails.
    assert!(!out.contains("percent of random play"), "{out}");
    // The game is over: nothing is saved.
    assert!(!bench.path("state").exists());
    let out = bench.ok_typing("--agent human --game the-weir", &"1\n".repeat(60));
    assert!(out.contains("In percent of random play: power "), "{out}");
}

#[test]
fn games_are_saved_and_go_on_exactly() {
    let bench = Bench::new();
    let play = "--agent human --game the-weir --save my/save.json --transcript";
    let whole = bench.ok_typing(&format!("{play} whole.jsonl --seed 5"), &"2\n".repeat(60));
    assert!(whole.contains("THE END!"), "{whole}");
    // Saved, played on, restored; then left by the end of input, which saves as well.
    let half = bench.ok_typing(&format!("{play} half.jsonl --seed 5"), "2\n2\ns\n1\n1\nr\n2\n");
    assert!(half.contains("Saved in my/save.json.") && half.contains("> r\n"), "{half}");
    let saved: Json =
        serde_json::from_str(&fs::read_to_string(bench.path("my/save.json")).unwrap()).unwrap();
    assert_eq!((&saved["actions"], &saved["seed"]), (&json!([1, 1, 1]), &json!(5)));
    let half: Vec<Json> = lines(&fs::read_to_string(bench.path("half.jsonl")).unwrap());
    assert_eq!(
        (half.len(), &half[4]["truncated"], &half[4]["agent"]),
        (5, &json!(true), &json!("human"))
    );
    // Another seed on the command line does not matter: the saved game has its own.
    let rest = bench.ok_typing(&format!("{play} rest.jsonl"), &format!("r\n{}", "2\n".repeat(60)));
    assert!(rest.contains("A saved game of 3 steps is there"), "{rest}");
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(read("rest.jsonl"), read("whole.jsonl"));
    bench.fails(&format!("{play} rest.jsonl"), &["rest.jsonl", "exists"]);
}

#[test]
fn save_files_are_never_lost_or_trusted() {
    let bench = Bench::new();
    let saves = bench.path("state/axia/saves");
    let saved = || -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&saves)
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    };
    let play = "--agent human --game the-weir";
    // Nothing was done: nothing is saved.
    bench.ok_typing(play, "q\n");
    assert!(saved().is_empty());
    bench.ok_typing(play, "1\nq\n");
    let [first] = saved().try_into().unwrap();
    assert!(first.starts_with("the-weir-"), "{first}");
    // A game that was not restored does not replace the saved one.
    bench.ok_typing(play, "2\n2\nq\n");
    let all = saved();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all.iter().any(|name| name.ends_with(".previous.json")), "{all:?}");
    let path = saves.join(&first);
    let text = fs::read_to_string(&path).unwrap();
    for (wrong, part) in [
        (text.replace("[1,1]", "[1,77]"), "action 77 is not one of the"),
        (text.replace("\"hash\":\"", "\"hash\":\"0"), "another version of `the-weir`"),
        ("{".to_owned(), "failed to read"),
    ] {
        fs::write(&path, wrong).unwrap();
        let out = bench.ok_typing(play, "r\n3\ns\n");
        assert!(out.contains("Not restored: ") && out.contains(part), "{part}: {out}");
    }
}

/// Ctrl-C while the game waits for input.
#[cfg(unix)]
#[test]
fn an_interrupted_game_is_saved() {
    use std::io::{BufRead as _, BufReader};
    let bench = Bench::new();
    let mut command = bench.command("--agent human --game the-weir --save save.json");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"1\n").unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("> 1") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0);
    }
    // The step is taken once its text is there.
    while !line.starts_with("  1) ") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0);
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("stopped: the game is saved in `save.json`"), "{stderr}");
    assert!(fs::read_to_string(bench.path("save.json")).unwrap().contains("\"actions\":[0]"));
}

/// Ctrl-C among very many games, which are not all planned beforehand.
#[cfg(unix)]
#[test]
fn interrupted_agents_end_with_a_whole_game() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let bench = Bench::new();
    let mut command = bench.command("--agent random --episodes 4000000000 --json");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    out.read_line(&mut text).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    out.read_to_string(&mut text).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    let played = lines(&text).iter().filter(|line| line["kind"] == "episode").count();
    assert_eq!(lines(&text).last().unwrap()["kind"], "episode");
    let stopped = format!("stopped: {played} of 12000000000 games were played");
    assert!(stderr.contains(&stopped), "{stopped}: {stderr}");
}

#[test]
fn a_game_that_fails_ends_with_its_place() {
    let bench = Bench::new();
    hostile(&bench.path("games/well"));
    let said = bench.typing("--agent random --episodes 20 --games games", "");
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    assert!(said.err.contains("`well`") && said.err.contains("startup.txt:13:"), "{}", said.err);
    assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    // The sound path can be played, though not be compared.
    bench.write("share.json", "[0]");
    let replay = "--agent replay --actions share.json --games games";
    let said = bench.typing(replay, "");
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("100.0 %      1.0 of 1         –           –           –\n"),
        "{}",
        said.out
    );
    assert!(said.err.contains("cannot be compared with random play"), "{}", said.err);
    let last: Json =
        serde_json::from_str(bench.ok(&format!("{replay} --json")).lines().last().unwrap())
            .unwrap();
    assert_eq!(last["final"]["run_trajectories"]["scores_dense"], Json::Null);
}
