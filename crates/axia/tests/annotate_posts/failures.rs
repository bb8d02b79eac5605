//! Annotators that fail.

use axia::dilemmas::annotate::{AnnotateError, AnnotationSettings};
use axia::remote::RemoteError;

use crate::bench::{Bench, Fake, good, malformed, plain, post};

#[test]
fn a_post_without_any_answer_is_set_aside_once_another_has_one() {
    let bench = Bench::new(&["void", "good", "void2"]);
    let fake = Fake::new(&|title, _| if title == "good" { Ok(good()) } else { Err(malformed()) });
    let summary = bench.run(&fake, &plain()).unwrap();
    assert_eq!((summary.annotated, summary.set_aside, summary.questions), (1, 2, 7));
    let aside = &bench.set_aside()["void2"];
    assert!(aside.reason.contains("no usable answer: nothing in it"), "{}", aside.reason);
    assert_eq!(aside.last_answer, None);
}

#[test]
fn an_annotator_that_answers_nothing_spoils_no_post() {
    let bench = Bench::new(&["a", "b"]);
    let mute = Fake::new(&|_, _| Err(malformed()));
    let error = bench.run(&mute, &plain()).unwrap_err();
    assert!(matches!(error, AnnotateError::NoAnswers { posts: 2, .. }), "{error}");
    assert!(error.to_string().contains("2 posts in a row got no answer"), "{error}");
    assert!(bench.set_aside().is_empty());
    let summary = bench.run(&Fake::new(&|_, _| Ok(good())), &plain()).unwrap();
    assert_eq!((summary.annotated, summary.already), (2, 0));

    // Also one that falls silent is given up, after ten posts.
    let titles: Vec<String> = (0..20).map(|i| format!("p{i:02}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let bench = Bench::new(&titles);
    let fake = Fake::new(&|title, _| if title == "p00" { Ok(good()) } else { Err(malformed()) });
    let error = bench.run(&fake, &plain()).unwrap_err();
    assert!(matches!(error, AnnotateError::NoAnswers { posts: 10, .. }), "{error}");
    assert_eq!(bench.annotated_ids(), ["p00"]);
    assert!(bench.set_aside().is_empty());
}

#[test]
fn a_failure_of_the_whole_server_stops_and_keeps_what_there_is() {
    let bench = Bench::new(&["a", "b", "c"]);
    let gone = || RemoteError::Unreachable { url: "http://h".into(), reason: "gone".into() };
    let dies = |title: &str, _: usize| if title == "a" { Ok(good()) } else { Err(gone().into()) };
    let fake = Fake::new(&dies);
    let error = bench.run(&fake, &plain()).unwrap_err();
    assert!(matches!(error, AnnotateError::Annotator(_)), "{error}");
    assert!(!error.is_input() && error.to_string().contains("cannot reach http://h: gone"));
    assert_eq!(fake.asked().len(), 2);
    assert_eq!(bench.annotated_ids(), ["a"]);
    assert!(bench.set_aside().is_empty());
}

#[test]
fn long_posts_are_not_asked_about() {
    let limit = AnnotationSettings { longest_post: 1000, ..plain() };
    let posts = [post("long", &"a".repeat(1_000_000)), post("fits", &"é".repeat(994))];
    let bench = Bench::with_posts(&posts);
    let fake = Fake::new(&|_, _| Ok(good()));
    let summary = bench.run(&fake, &limit).unwrap();
    assert_eq!((summary.annotated, summary.set_aside, summary.questions), (1, 1, 1));
    let reason = &bench.set_aside()["long"].reason;
    assert_eq!(reason, "the post has 1000006 characters, but 1000 are the most");
}
