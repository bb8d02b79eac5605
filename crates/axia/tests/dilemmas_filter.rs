//! The filter stage on dumps as people have them.

use axia::dilemmas::{
    BuildError, BuildFolder, Candidate, FilterSettings, FilterSummary, Packing, Reason, filter,
};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with dumps and a build.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn filter(&self, dumps: &[PathBuf]) -> Result<FilterSummary, BuildError> {
        self.filter_with(dumps, &FilterSettings::default(), 2)
    }

    fn filter_with(
        &self,
        dumps: &[PathBuf],
        settings: &FilterSettings,
        threads: usize,
    ) -> Result<FilterSummary, BuildError> {
        filter(dumps, settings, &BuildFolder::open(&self.path("build"))?, threads, &mut |_| true)
    }

    fn candidates(&self) -> Vec<Candidate> {
        let text = fs::read_to_string(self.path("build/candidates.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.candidates().into_iter().map(|post| post.id).collect()
    }
}

/// A story of 120 words like no other.
fn story(number: usize) -> String {
    let words = ["the", "and", "brother", "told", "my", "car", "never", "that", "she", "because"];
    let word = |i: usize| match i % 3 {
        0 => format!("{}{}", words[i % 10], number * 997 + i),
        _ => words[i % 10].to_owned(),
    };
    (0..120).map(word).collect::<Vec<_>>().join(" ")
}

fn post(number: usize, fields: Value) -> String {
    let mut post = json!({
        "author": "somebody", "created_utc": 1_500_000_000 + number, "id": format!("a{number}"),
        "is_self": true, "permalink": format!("/r/AmItheAsshole/comments/a{number}/aita/"),
        "score": number, "selftext": story(number), "subreddit": "AmItheAsshole",
        "title": format!("AITA for number {number}?"),
    });
    for (name, value) in fields.as_object().unwrap() {
        post[name] = value.clone();
    }
    post.to_string()
}

fn dump(posts: std::ops::Range<usize>) -> String {
    posts.map(|number| post(number, json!({})) + "\n").collect()
}

fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match packing {
        Packing::Plain => packed.extend_from_slice(bytes),
        Packing::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Packing::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut packed, bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        Packing::Zstd => {
            let mut encoder = zstd::Encoder::new(&mut packed, 1).unwrap();
            // Beyond what decoders take unless told to.
            encoder.window_log(28).unwrap();
            encoder.include_contentsize(false).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
    }
    packed
}

const PACKINGS: [Packing; 4] = [Packing::Plain, Packing::Gzip, Packing::Zstd, Packing::Bzip2];

#[test]
fn every_packing_gives_the_same_in_one_member_or_several() {
    let text = dump(0..40);
    let (first, second) = text.split_at(text.len() / 3);
    let mut seen = None;
    for packing in PACKINGS {
        for packed in [
            pack(packing, text.as_bytes()),
            [pack(packing, first.as_bytes()), pack(packing, second.as_bytes())].concat(),
        ] {
            let bench = Bench::new();
            let path = bench.write("dump", &packed);
            let summary = bench.filter(&[path]).unwrap();
            let input = &summary.inputs[0];
            assert_eq!((input.packing, &input.damage), (packing, &None));
            assert_eq!((input.bytes, input.lines), (packed.len() as u64, 40));
            assert_eq!(input.unpacked_bytes, text.len() as u64);
            assert_eq!(summary.counts.candidates, 40);
            let candidates = bench.candidates();
            assert_eq!(*seen.get_or_insert(candidates.clone()), candidates);
        }
    }
}

#[test]
fn truncated_and_damaged_archives_give_what_comes_before() {
    let text = dump(0..2000);
    for packing in [Packing::Gzip, Packing::Zstd, Packing::Bzip2] {
        let packed = pack(packing, text.as_bytes());
        let truncated = packed[..packed.len() * 3 / 4].to_vec();
        let mut damaged = packed.clone();
        damaged[packed.len() * 3 / 4..].fill(0x55);
        for bytes in [truncated, damaged] {
            let bench = Bench::new();
            let good = bench.write("good", dump(5000..5001).as_bytes());
            let bad = bench.write("bad", &bytes);
            let summary = bench.filter(&[bad, good]).unwrap();
            assert!(summary.inputs[0].damage.is_some(), "{packing:?}");
            assert!(summary.inputs[1].damage.is_none());
            assert!(summary.counts.add_up(), "{:?}", summary.counts);
            // All whole lines before the damage, then the next dump.
            let ids = bench.ids();
            assert!(ids.len() > 500, "{packing:?}: {}", ids.len());
            let expected: Vec<String> = (0..ids.len() - 1).map(|n| format!("a{n}")).collect();
            assert!(ids[..ids.len() - 1] == expected, "{packing:?}: {} posts", ids.len());
            assert_eq!(ids.last().unwrap(), "a5000");
        }
    }
}

#[test]
fn broken_lines_are_counted_and_placed_exactly() {
    let lines = [
        post(1, json!({})),
        r#"{"id":"a2","subreddit":"AmIthe"#.to_owned(),
        String::new(),
        post(3, json!({"score": "many"})),
        post(4, json!({"subreddit": "pics", "score": "many"})),
        "\u{1b}]0;title\u{7}".to_owned(),
        post(6, json!({})),
        r#"{"id":"#.to_owned(),
    ];
    // The last line has no end.
    let text = lines.join("\n");
    let offset = |line: usize| lines[..line - 1].iter().map(|l| l.len() as u64 + 1).sum::<u64>();
    for packing in PACKINGS {
        let bench = Bench::new();
        let first = bench.write("first", dump(10..12).as_bytes());
        let second = bench.write("second", &pack(packing, text.as_bytes()));
        let summary = bench.filter(&[first, second.clone()]).unwrap();
        let found: Vec<(&Path, u64, u64)> = summary
            .broken_lines
            .iter()
            .map(|broken| (broken.file.as_path(), broken.line, broken.offset))
            .collect();
        let expected = [2, 4, 6, 8].map(|line| (second.as_path(), line, offset(line as usize)));
        assert_eq!(found, expected);
        let said = summary.broken_lines[1].to_string();
        let place =
            format!("line 4 (byte {}): field `score`: found `\"many\"`, expected", offset(4));
        assert!(said.contains(&place), "{said}");
        assert!(!summary.broken_lines[2].to_string().contains('\u{1b}'));
        let counts = &summary.counts;
        assert_eq!((counts.lines, counts.blank, counts.broken), (10, 1, 4));
        assert_eq!(counts.dropped, [(Reason::OtherSubreddit, 1)].into());
        assert!(counts.add_up());
    }
}

#[test]
fn of_many_broken_lines_the_first_hundred_are_told() {
    let bench = Bench::new();
    let text = "x\n".repeat(250) + &dump(0..1);
    let summary = bench.filter(&[bench.write("dump", text.as_bytes())]).unwrap();
    assert_eq!((summary.counts.broken, summary.broken_lines.len()), (250, 100));
    let last = &summary.broken_lines[99];
    assert_eq!((last.line, last.offset), (100, 198));
}

#[test]
fn of_posts_that_occur_twice_the_first_stays() {
    let same_words = story(1).to_uppercase().replace(' ', ",  ");
    let nearly = story(2).replacen("brother", "sister", 2) + " so she said";
    let shares_half = {
        let words =
            [story(3), story(9)].map(|s| s.split(' ').map(str::to_owned).collect::<Vec<_>>());
        [&words[0][..60], &words[1][60..]].concat().join(" ")
    };
    let bench = Bench::new();
    let first = bench.write("first", dump(1..4).as_bytes());
    let second = [
        post(1, json!({"selftext": story(50)})),
        post(11, json!({"selftext": same_words})),
        post(12, json!({"selftext": nearly})),
        post(13, json!({"selftext": shares_half})),
        post(14, json!({"selftext": nearly.replacen("never", "always", 3)})),
    ];
    let second = bench.write("second", second.join("\n").as_bytes());
    let summary = bench.filter(&[first.clone(), second.clone()]).unwrap();
    assert_eq!(bench.ids(), ["a1", "a2", "a3", "a13"]);
    let dropped = &summary.counts.dropped;
    assert_eq!(dropped[&Reason::SameId], 1);
    assert_eq!(dropped[&Reason::SameText], 1);
    assert_eq!(dropped[&Reason::NearDuplicate], 2);
    assert!(summary.counts.add_up());
    // Told to look for the same words alone, near-duplicates stay.
    let bench = Bench::new();
    let settings = FilterSettings { near_duplicate: 1.0, ..FilterSettings::default() };
    bench.filter_with(&[first, second], &settings, 2).unwrap();
    assert_eq!(bench.ids(), ["a1", "a2", "a3", "a12", "a13", "a14"]);
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let mut text = dump(0..3000);
    text += &dump(100..900)
        .replace("\"id\":\"a", "\"id\":\"b")
        .replace("\"selftext\":\"the", "\"selftext\":\"then");
    let packed = pack(Packing::Zstd, text.as_bytes());
    let mut seen = None;
    for threads in [1, 2, 5] {
        let bench = Bench::new();
        let path = bench.write("dump.zst", &packed);
        let summary = bench.filter_with(&[path], &FilterSettings::default(), threads).unwrap();
        assert!(summary.counts.dropped[&Reason::NearDuplicate] > 0);
        let hash = summary.candidates_sha256.clone();
        assert_eq!(
            *seen.get_or_insert((hash.clone(), summary.counts.clone())),
            (hash, summary.counts)
        );
    }
}

#[test]
fn a_stage_that_is_done_is_not_done_again() {
    let bench = Bench::new();
    let path = bench.write("dump", dump(0..5).as_bytes());
    let summary = bench.filter(std::slice::from_ref(&path)).unwrap();
    let folder = BuildFolder::open(&bench.path("build")).unwrap();
    let mut never = |_: usize| panic!("it reads the dump");
    let settings = FilterSettings::default();
    let again = filter(std::slice::from_ref(&path), &settings, &folder, 2, &mut never).unwrap();
    assert_eq!(again, summary);
    // A copy has another time and another name, but the same contents.
    let copy = bench.write("copy", &fs::read(&path).unwrap());
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    fs::File::options().append(true).open(&copy).unwrap().set_modified(later).unwrap();
    assert_eq!(filter(&[copy], &settings, &folder, 2, &mut never).unwrap(), summary);
    // Lost candidates are made again, the same.
    fs::remove_file(folder.candidates()).unwrap();
    assert_eq!(bench.filter(&[path]).unwrap(), summary);
    assert_eq!(bench.ids().len(), 5);
}

#[test]
fn other_settings_and_other_dumps_are_refused() {
    let bench = Bench::new();
    let path = bench.write("dump", dump(0..5).as_bytes());
    let other = bench.write("other", dump(1..6).as_bytes());
    bench.filter(std::slice::from_ref(&path)).unwrap();
    let before = fs::read(bench.path("build/candidates.jsonl")).unwrap();
    let settings = FilterSettings { min_words: 10, ..FilterSettings::default() };
    let refused = |result: Result<FilterSummary, BuildError>, part: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, BuildError::Occupied { .. }) && error.is_input());
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(
        bench.filter_with(std::slice::from_ref(&path), &settings, 1),
        "settings.min_words was 80 and now is 10",
    );
    refused(bench.filter(std::slice::from_ref(&other)), "other` has other contents than");
    refused(bench.filter(&[path, other]), "from 1 dumps, and now there are 2");
    assert_eq!(fs::read(bench.path("build/candidates.jsonl")).unwrap(), before);
    // A folder with somebody's files is left alone.
    fs::create_dir(bench.path("theirs")).unwrap();
    bench.write("theirs/thesis.tex", b"...");
    let error = BuildFolder::open(&bench.path("theirs")).unwrap_err();
    assert!(error.to_string().contains("no filter.json"), "{error}");
    // A damaged record is named.
    fs::write(bench.path("build/filter.json"), "{").unwrap();
    let error = bench.filter(&[bench.path("dump")]).unwrap_err();
    assert!(matches!(error, BuildError::Damaged { .. }), "{error}");
}

#[test]
fn a_stopped_stage_leaves_nothing() {
    let bench = Bench::new();
    let path = bench.write("dump", dump(0..2000).as_bytes());
    let folder = BuildFolder::open(&bench.path("build")).unwrap();
    let settings = FilterSettings::default();
    let error = filter(&[path], &settings, &folder, 2, &mut |_| false).unwrap_err();
    assert!(error.is_cancelled() && !error.is_input());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn progress_is_told_in_bytes_of_the_disk() {
    let bench = Bench::new();
    let texts = [dump(0..1500), dump(1500..2000)];
    let dumps: Vec<PathBuf> = texts
        .iter()
        .zip(["one", "two"])
        .map(|(text, name)| bench.write(name, &pack(Packing::Gzip, text.as_bytes())))
        .collect();
    let total: u64 = dumps.iter().map(|dump| dump.metadata().unwrap().len()).sum();
    let folder = BuildFolder::open(&bench.path("build")).unwrap();
    let mut told = Vec::new();
    let mut progress = |bytes: usize| {
        told.push(bytes as u64);
        true
    };
    filter(&dumps, &FilterSettings::default(), &folder, 2, &mut progress).unwrap();
    assert!(told.is_sorted());
    assert_eq!(*told.last().unwrap(), total);
}

#[test]
fn what_cannot_be_filtered_is_said() {
    let bench = Bench::new();
    let fails = |dumps: &[PathBuf], parts: &[&str]| {
        let error = bench.filter(dumps).unwrap_err();
        assert!(error.is_input(), "{error}");
        for part in parts {
            assert!(error.to_string().contains(part), "no `{part}` in {error}");
        }
        assert_eq!(fs::read_dir(bench.path("build")).unwrap().count(), 0);
    };
    let good = bench.write("good", dump(0..1).as_bytes());
    // Dumps are looked at before the first is read.
    fails(&[good.clone(), bench.path("missing")], &["missing"]);
    fails(&[good, bench.path("build")], &["build"]);
    fails(&[bench.write("array", b"[{}]")], &["a JSON array", "expected one JSON object a line"]);
    fails(&[bench.write("a.zip", b"PK\x03\x04")], &["zip"]);
    fails(
        &[bench.write("pics", post(1, json!({"subreddit": "pics"})).as_bytes())],
        &["no post passed", "of 1 lines", "1 of another subreddit"],
    );
    // A dump of comments.
    let comment =
        r#"{"id":"c1","subreddit":"AmItheAsshole","body":"NTA","score":1,"created_utc":1}"#;
    fails(
        &[bench.write("comments", comment.as_bytes())],
        &["1 are broken", "line 1 (byte 0): field `title`", "a dump of submissions?"],
    );
    fails(&[bench.write("empty", b"")], &["of 0 lines"]);
    let settings = |settings| bench.filter_with(&[bench.path("good")], &settings, 1).unwrap_err();
    let default = FilterSettings::default();
    let error = settings(FilterSettings { min_words: 9, max_words: 8, ..default.clone() });
    assert!(error.to_string().contains("at least 9 and at most 8 words"), "{error}");
    let error = settings(FilterSettings { subreddit: "r/x".to_owned(), ..default });
    assert!(error.to_string().contains("without `r/`"), "{error}");
}
