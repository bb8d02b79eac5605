//! `axia data build-dilemmas` as users run it.

use said::Said;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

mod said;

/// A folder to run in.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with a dump of so many posts.
    fn new(posts: usize) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let mut lines: Vec<String> = (0..posts).map(post).collect();
        lines.push("{\"id\":".to_owned());
        lines.push(json!({"subreddit": "pics"}).to_string());
        fs::write(bench.path("dump.ndjson"), lines.join("\n")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn lines(&self, name: &str) -> Vec<Json> {
        self.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs the command on the dump, into the folder `aita`, with these further words.
    fn run(&self, words: &str) -> Said {
        Command::new(env!("CARGO_BIN_EXE_axia"))
            .args(["data", "build-dilemmas", "dump.ndjson", "--out", "aita"])
            .args(words.split_whitespace())
            .env_remove("OPENAI_API_KEY")
            .env("AXIA_ANNOTATOR_KEY", "sesame")
            .current_dir(self.folder.path())
            .output()
            .unwrap()
            .into()
    }

    fn ok(&self, words: &str) -> Said {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words}: {said:?}");
        said
    }

    fn fails(&self, words: &str, code: i32, parts: &[&str]) {
        let said = self.run(words);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{words}: {said:?}");
        for part in parts {
            assert!(said.err.contains(part), "{words}: no `{part}` in {}", said.err);
        }
    }
}

/// A line of a dump whose story is like no other.
fn post(number: usize) -> String {
    let words = ["the", "and", "brother", "told", "my", "car", "never", "that", "she", "because"];
    let word = |i: usize| format!("{}{}", words[i % 10], number * 997 + i);
    let text: Vec<String> =
        (0..90).map(|i| if i % 3 == 0 { word(i) } else { words[i % 10].to_owned() }).collect();
    json!({
        "author": "somebody", "created_utc": 1_500_000_000 + number, "id": format!("a{number}"),
        "score": number, "selftext": text.join(" "), "subreddit": "AmItheAsshole",
        "title": format!("AITA for number {number}?"),
    })
    .to_string()
}

/// An annotator that says of every post the same, but of every fifth that no conflict is in it.
/// Gives its address and the number of questions that it has answered.
fn annotator() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || while answer(&stream, &count).is_some() {});
        }
    });
    (address, asked)
}

/// Reads a request and answers it; `None` when the connection is closed.
fn answer(mut stream: &TcpStream, asked: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut key) = (0, false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        key |= line == "authorization: bearer sesame";
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    assert!(key, "the key is missing");
    asked.fetch_add(1, Ordering::SeqCst);
    let question = String::from_utf8(body).ok()?;
    let number = question.split("AITA for number ").nth(1)?.split('?').next()?;
    let number: usize = number.parse().ok()?;
    let value = ["power-dominance", "face", "tradition", "hedonism"][number % 4];
    let content = match number % 5 {
        0 => "I see no conflict here.".to_owned(),
        _ => json!({
            "value": value, "value_reason": "It is about that.",
            "high_stance": "NTA", "high_reason": "They would.",
            "low_stance": "YTA", "low_reason": "They would not.",
        })
        .to_string(),
    };
    let reply = json!({
        "choices": [{"message": {"role": "assistant", "content": content},
            "finish_reason": "stop"}],
    })
    .to_string();
    let length = reply.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(reply.as_bytes()).ok()
}

#[test]
fn filtering_alone_says_where_every_line_went() {
    let bench = Bench::new(7);
    let said = bench.ok("--filter-only");
    let row = |what: &str| {
        let line = said.out.lines().find(|line| line.starts_with(what));
        line.and_then(|line| line.split_whitespace().last()).map(str::to_owned)
    };
    let counts = ["lines", "broken", "of another subreddit", "candidates"].map(row);
    assert_eq!(counts, ["9", "1", "1", "7"].map(|count| Some(count.to_owned())));
    assert!(said.err.contains("`dump.ndjson`, line 8 (byte "), "{}", said.err);
    assert_eq!(bench.lines("aita/candidates.jsonl").len(), 7);
    assert!(!bench.read("aita/candidates.jsonl").contains("somebody"));
    // Again, as JSON.
    let summary: Json = serde_json::from_str(&bench.ok("--filter-only --json").out).unwrap();
    assert_eq!(summary["counts"]["candidates"], 7);
    assert_eq!(summary, serde_json::from_str::<Json>(&bench.read("aita/filter.json")).unwrap());
}

#[test]
fn a_dry_run_writes_prompts_and_asks_nobody() {
    let bench = Bench::new(9);
    let said = bench.ok("--dry-run --limit 4");
    assert!(said.err.contains("wrote 4 prompts"), "{}", said.err);
    let prompts = bench.lines("aita/prompts.jsonl");
    let sample = bench.lines("aita/sample.jsonl");
    assert_eq!((prompts.len(), sample.len()), (4, 4));
    for (prompt, post) in prompts.iter().zip(sample) {
        assert_eq!(prompt["id"], post["id"]);
        let question = prompt["messages"][0]["content"].as_str().unwrap();
        assert!(question.contains(post["title"].as_str().unwrap()), "{question}");
    }
    assert!(!bench.path("aita/annotations.jsonl").exists());
}

#[test]
fn a_build_goes_on_with_more_posts_and_its_card_adds_up() {
    let bench = Bench::new(40);
    let (address, asked) = annotator();
    let ask = format!("--annotator {address} --annotator-model tiny --cap 3 --json");
    let card: Json = serde_json::from_str(&bench.ok(&format!("{ask} --limit 20")).out).unwrap();
    let done = |card: &Json| {
        let annotation = &card["annotation"];
        let set_aside = annotation["set_aside"].as_object().unwrap();
        let set_aside: u64 = set_aside.values().map(|count| count.as_u64().unwrap()).sum();
        (annotation["annotated"].as_u64().unwrap(), set_aside, &annotation["not_asked"] == 20)
    };
    let (annotated, set_aside, rest) = done(&card);
    assert_eq!((annotated + set_aside, rest), (20, true));
    let before = asked.load(Ordering::SeqCst);
    // The same command asks nothing and writes the same.
    let files = ["card.json", "card.md", "dilemmas.jsonl"].map(|name| format!("aita/{name}"));
    let written = files.clone().map(|file| bench.read(&file));
    bench.ok(&format!("{ask} --limit 20"));
    assert_eq!(asked.load(Ordering::SeqCst), before);
    assert_eq!(files.map(|file| bench.read(&file)), written);
    // Without a limit it goes on with the others alone.
    let card: Json = serde_json::from_str(&bench.ok(&ask).out).unwrap();
    assert_eq!(done(&card), (32, 8, false));
    assert_eq!(card["annotation"]["not_asked"], 0);
    let ids: std::collections::BTreeSet<String> = bench
        .lines("aita/annotations.jsonl")
        .iter()
        .map(|row| row["dilemma"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 32);
    // Power, with power-dominance and face, and two others; three of each stay.
    let set = &card["dilemmas"];
    assert_eq!((&set["annotated"], &set["dilemmas"]), (&json!(32), &json!(9)));
    let lines = bench.lines("aita/dilemmas.jsonl");
    assert_eq!((lines[0]["format"].as_str(), lines.len()), (Some("axia-dilemmas"), 10));
    let sum = |rows: &str, field: &str| -> u64 {
        set[rows].as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("basic", "annotated"), sum("basic", "dilemmas")), (32, 9));
    assert_eq!(sum("values", "dilemmas"), 9);
    let stances = |side: &str| -> Vec<u64> {
        let rows = set["values"].as_array().unwrap();
        (0..3).map(|i| rows.iter().map(|row| row[side][i].as_u64().unwrap()).sum()).collect()
    };
    assert_eq!((stances("high"), stances("low")), (vec![9, 0, 0], vec![0, 9, 0]));
    // For people, too.
    let markdown = bench.read("aita/card.md");
    for part in ["| **candidates** | 40 |", "| annotated | 32 |", "| broken | 1 |", "9 dilemmas"] {
        assert!(markdown.contains(part), "no `{part}` in {markdown}");
    }
    assert!(!markdown.contains("sesame"));
    // Other questions belong into another folder.
    bench.fails(&format!("{ask} --votes 3"), 2, &["votes was 1 and now is 3"]);
    bench.fails(&format!("{ask} --min-words 70"), 2, &["min_words was 80 and now is 70"]);
}

#[test]
fn bad_usage_is_said_before_anything_is_done() {
    let bench = Bench::new(1);
    bench.fails("", 2, &["--annotator", "--filter-only", "--dry-run"]);
    bench.fails("--filter-only --model x", 2, &["cannot be used with"]);
    bench.fails("--annotator http://localhost:1", 2, &["--annotator-model"]);
    bench.fails("--annotator nonsense --annotator-model x", 2, &["http://"]);
    bench.fails("--annotator http://localhost:1 --annotator-model x --rate 0", 2, &["60/min"]);
    bench.fails("--dry-run --limit 0", 2, &["--limit must be at least 1"]);
    bench.fails("--dry-run --cap 0", 2, &["--cap must be at least 1"]);
    bench.fails("--dry-run --min-words 9 --max-words 8", 2, &["at least 9 and at most 8 words"]);
    bench.fails("--filter-only --subreddit pics", 2, &["no post passed", "another subreddit"]);
    fs::remove_file(bench.path("dump.ndjson")).unwrap();
    bench.fails("--filter-only", 2, &["dump.ndjson"]);
    let help = bench.run("--help");
    assert_eq!(help.code, 0);
    assert!(help.out.contains("Examples:") && help.out.contains("AXIA_ANNOTATOR_KEY"));
}
