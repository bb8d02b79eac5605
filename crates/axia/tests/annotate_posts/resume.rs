//! Going on where an annotation stopped.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use axia::dilemmas::annotate::{AnnotateError, AnnotationSettings, AnnotationSummary};
use serde_json::{Value, json};

use crate::bench::{Bench, Fake, good, plain, post};

#[test]
fn a_killed_annotation_goes_on_without_asking_again() {
    let bench = Bench::new(&["a", "b", "c", "d", "e"]);
    let answers = |title: &str, _: usize| match title {
        "b" => Ok("no".to_owned()),
        _ => Ok(good()),
    };
    let fake = Fake::new(&answers);
    bench.run(&fake, &plain()).unwrap();
    let whole = fs::read(bench.file("annotations.jsonl")).unwrap();
    let aside = fs::read(bench.file("set_aside.jsonl")).unwrap();
    let ends: Vec<_> = (0..whole.len()).filter(|&i| whole[i] == b'\n').map(|i| i + 1).collect();

    // Killed at any byte, a run repeats no post whose line is whole, and ends as if never killed.
    for cut in [0, 1, ends[0] - 1, ends[0], ends[0] + 5, ends[1], ends[2] - 1, ends[2], whole.len()]
    {
        fs::write(bench.file("annotations.jsonl"), &whole[..cut]).unwrap();
        let fake = Fake::new(&answers);
        let kept = ends.iter().filter(|&&end| end <= cut).count();
        let summary = bench.run(&fake, &plain()).unwrap();
        let expected = AnnotationSummary {
            annotated: 4 - kept,
            set_aside: 0,
            already: kept + 1,
            questions: 4 - kept,
        };
        assert_eq!(summary, expected, "cut at {cut}");
        assert_eq!(fs::read(bench.file("annotations.jsonl")).unwrap(), whole, "cut at {cut}");
        assert_eq!(fs::read(bench.file("set_aside.jsonl")).unwrap(), aside);
    }
    // A torn line of the other file, too; its post is asked about again.
    fs::write(bench.file("set_aside.jsonl"), &aside[..aside.len() / 2]).unwrap();
    let fake = Fake::new(&answers);
    bench.run(&fake, &plain()).unwrap();
    assert_eq!(fake.asked().len(), 3);
    assert_eq!(fs::read(bench.file("set_aside.jsonl")).unwrap(), aside);
}

#[test]
fn new_posts_are_asked_about_and_repeated_ones_are_not() {
    let bench = Bench::new(&["a", "b", "a"]);
    let fake = Fake::new(&|_, _| Ok(good()));
    assert_eq!(bench.run(&fake, &plain()).unwrap().annotated, 2);
    let more = serde_json::to_string(&post("c", "x")).unwrap();
    let posts = fs::read_to_string(bench.posts()).unwrap() + &more;
    fs::write(bench.posts(), posts).unwrap();
    let summary = bench.run(&fake, &plain()).unwrap();
    let expected = AnnotationSummary { annotated: 1, set_aside: 0, already: 2, questions: 1 };
    assert_eq!(summary, expected);
    assert_eq!(bench.annotated_ids(), ["a", "b", "c"]);
}

#[test]
fn a_folder_goes_on_only_with_the_same_settings() {
    let bench = Bench::new(&["a", "b"]);
    let fake = Fake::new(&|_, _| Ok(good()));
    bench.run(&fake, &plain()).unwrap();
    for (settings, part) in [
        (AnnotationSettings { votes: 3, ..plain() }, "votes was 1 and now is 3"),
        (AnnotationSettings { annotator: "n".into(), ..plain() }, r#"annotator was "m" and now"#),
        (AnnotationSettings { longest_post: 9, ..plain() }, "longest_post was"),
    ] {
        let error = bench.run(&fake, &settings).unwrap_err();
        assert!(error.is_input() && error.to_string().contains(part), "{error}");
    }
    assert!(bench.run(&fake, &AnnotationSettings { workers: 7, ..plain() }).is_ok());

    // Answers to another question are not mixed with these either.
    let path = bench.file("annotation.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(record["format_version"], 1);
    record["question_wording"] = json!("0");
    fs::write(&path, record.to_string()).unwrap();
    let error = bench.run(&fake, &plain()).unwrap_err().to_string();
    assert!(error.contains(r#"question_wording was "0" and now is"#), "{error}");
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn damaged_lines_are_named() {
    let bench = Bench::new(&["a", "b"]);
    let fake = Fake::new(&|_, _| Ok(good()));
    bench.run(&fake, &plain()).unwrap();
    let path = bench.file("annotations.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    let second = whole.lines().nth(1).unwrap();
    fs::write(&path, whole.replace(second, "{}")).unwrap();
    let error = bench.run(&fake, &plain()).unwrap_err().to_string();
    assert!(error.contains("annotations.jsonl`, line 2 is damaged"), "{error}");
    fs::write(&path, whole).unwrap();

    fs::write(bench.posts(), "{\"id\": 3}\n").unwrap();
    let error = bench.run(&fake, &plain()).unwrap_err();
    assert!(error.is_input() && error.to_string().contains("posts.jsonl`, line 1"), "{error}");
    fs::remove_file(bench.posts()).unwrap();
    let error = bench.run(&fake, &plain()).unwrap_err().to_string();
    assert!(error.contains("cannot open") && error.contains("posts.jsonl"), "{error}");
    let none = AnnotationSettings { workers: 0, ..plain() };
    assert!(matches!(bench.run(&fake, &none), Err(AnnotateError::Setting(_))));
}

#[test]
fn two_annotations_cannot_share_a_folder() {
    let bench = Bench::new(&["a"]);
    let inner = AtomicUsize::new(0);
    let answers = |_: &str, _: usize| {
        let other = Fake::new(&|_, _| Ok(good()));
        let error = bench.run(&other, &plain()).unwrap_err();
        assert!(matches!(error, AnnotateError::InUse { .. }), "{error}");
        inner.fetch_add(1, Ordering::Relaxed);
        Ok(good())
    };
    bench.run(&Fake::new(&answers), &plain()).unwrap();
    assert_eq!(inner.into_inner(), 1);
    assert_eq!(bench.annotated_ids(), ["a"]);
}
