//! Each limit is reached, and the error names the line.

use axia_adventure::error::FaultKind;
use axia_adventure::expression::Value;
use axia_adventure::limits::Limits;

use crate::stub::{one, player};

fn small() -> Limits {
    let mut limits = Limits::default();
    limits.moves_per_step = 5_000;
    limits.text_per_step = 100_000;
    limits.work_per_step = 4 << 20;
    limits
}

/// Plays to the end and returns what stopped the game.
fn stopped(text: &str) -> (FaultKind, String, u32) {
    let mut game = one(text, small()).expect("a game");
    let error = game.reset(1).expect_err("the game must stop");
    (error.fault.kind, error.fault.message.to_string(), error.place.row)
}

#[test]
fn circles_end() {
    let (kind, message, row) = stopped("*label a\n*goto a\n");
    assert_eq!(kind, FaultKind::Limit);
    assert!(message.contains("circle") && row > 0, "{message} {row}");
}

#[test]
fn calls_without_return_end() {
    let (kind, message, _) = stopped("*label a\n*gosub a\n*ending\n");
    assert_eq!(kind, FaultKind::Limit, "{message}");
    let mut limits = small();
    limits.calls = 10;
    let mut game = one("*label a\n*gosub a\n", limits).expect("a game");
    let error = game.reset(1).expect_err("too many calls");
    assert!(error.to_string().contains("10 calls"), "{error}");
}

#[test]
fn texts_stop_growing() {
    let doubling = "*create s \"ab\"\n*label a\n*set s (s&s)\n*goto a\n";
    let (kind, message, row) = stopped(doubling);
    assert!(matches!(kind, FaultKind::Limit | FaultKind::Runtime), "{message}");
    assert_eq!(row, 3);
    let appending = "*create s \"ab\"\n*label a\n*set s &\"abcdefgh abcdefgh abcdefgh\"\n*goto a\n";
    let kind = stopped(appending).0;
    assert!(matches!(kind, FaultKind::Limit | FaultKind::Runtime), "{kind:?}");
    assert_eq!(stopped("*create s \"ab\"\n*set s * 1000000\n*ending\n").0, FaultKind::Runtime);
}

#[test]
fn numbers_stop_growing() {
    let (kind, message, _) = stopped("*create n 3\n*label a\n*set n * n\n*goto a\n");
    assert_eq!(kind, FaultKind::Limit, "{message}");
    assert_eq!(stopped("*create n 9\n*set n (n ^ 9999)\n").0, FaultKind::Overflow);
}

#[test]
fn printing_stops() {
    let (kind, message, _) = stopped(&format!("*label a\n{}\n*goto a\n", "word ".repeat(100)));
    assert_eq!(kind, FaultKind::Limit, "{message}");
}

#[test]
fn substitutions_stop() {
    // A value that contains itself is replaced for ever in the benchmark.
    let mut game = one("*create s 1\n*ending\n", small()).expect("a game");
    assert!(game.reset(0).is_ok());
    assert!(game.create_variable("s", Value::text("${s}")).is_ok());
    let kind = game.fill_text("Text ${s}.").map_err(|fault| fault.kind);
    assert_eq!(kind, Err(FaultKind::Limit));
    let nested = format!("{}1{}\n*ending\n", "${".repeat(200), "}".repeat(200));
    assert_eq!(stopped(&nested).0, FaultKind::Limit);
    assert_eq!(stopped("*create s 1\n*set s {}\n*ending\n").0, FaultKind::Limit);
    let braces =
        format!("*create s 1\n*set s {}s{}\n*ending\n", "{".repeat(3000), "}".repeat(3000));
    let kind = stopped(&braces).0;
    assert!(matches!(kind, FaultKind::Name | FaultKind::Limit), "{kind:?}");
}

#[test]
fn deep_expressions_and_blocks_stop() {
    let deep = format!("*create s {}1{}\n*ending\n", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(stopped(&deep).0, FaultKind::Limit);
    let mut blocks = String::from("*choice\n");
    for depth in 1..3000 {
        blocks += &format!("{}*if (true)\n", " ".repeat(depth));
    }
    blocks += &format!("{}#Option.\n", " ".repeat(3000));
    assert_eq!(stopped(&blocks).0, FaultKind::Limit);
}

#[test]
fn long_scenes_are_parsed_in_no_time() {
    let begin = std::time::Instant::now();
    let mut text = String::from("*create a 1\n*choice\n");
    for i in 0..20_000 {
        text += &format!("  *if (a > {i}) #Option {i}.\n    Text.\n");
    }
    let mut game = one(&text, Limits::default()).expect("a game");
    assert!(game.reset(0).is_ok());
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

#[test]
fn a_mistake_names_line_and_column() {
    let mut game = player(
        &[("startup", "Text.\n\n*choice\n  #Go.\n    *set gold (1 / nil)\n    *finish\n")],
        small(),
    )
    .expect("a game");
    assert!(game.reset(0).is_ok());
    let error = game.act(0).expect_err("there is no such variable").to_string();
    assert_eq!(
        error,
        "startup.txt:5:20 `*set gold (1 / nil)`: there is no variable `nil` (NameError)"
    );
}
