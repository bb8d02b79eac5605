//! Random games.

use axia_adventure::expression::Value;
use axia_adventure::limits::Limits;
use axia_adventure::player::Player;
use proptest::prelude::*;

use crate::stub::{one, player};

fn small() -> Limits {
    let mut limits = Limits::default();
    limits.moves_per_step = 300;
    limits.text_per_step = 20_000;
    limits.work_per_step = 1 << 20;
    limits.calls = 50;
    limits
}

/// Pieces that expressions are made of, sensible or not.
fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "a",
        "b",
        "s",
        "t",
        "A",
        "class",
        "1",
        "2",
        "0",
        "-3",
        "2.5",
        "100",
        "\"x\"",
        "\"12\"",
        "\"true\"",
        "'y'",
        "\"\"",
        "true",
        "false",
        "(",
        ")",
        "(",
        ")",
        "+",
        "-",
        "*",
        "/",
        "%+",
        "%-",
        "%",
        "modulo",
        "^",
        "=",
        "!=",
        "<",
        ">=",
        "&",
        "&",
        "and",
        "or",
        "not",
        "not(",
        "round(",
        "length(s)",
        "s#1",
        "s#a",
        "{s}",
        "{\"a\"}",
        "${a}",
        "$!{s}",
        "@{t x|y}",
        "{",
        "}",
        "#",
        "choice_achieved_x",
        "max(",
        ",",
        "\"",
        "é",
        "\\",
        "e",
        "log(",
        "abs(",
    ])
}

fn expression() -> impl Strategy<Value = String> {
    (proptest::collection::vec(piece(), 1..9), any::<bool>())
        .prop_map(|(pieces, spaced)| pieces.join(if spaced { " " } else { "" }))
}

/// A line of a game.
fn line() -> impl Strategy<Value = String> {
    let command = proptest::sample::select(vec![
        "*set a ",
        "*set s ",
        "*set t ",
        "*set {s} ",
        "*temp q ",
        "*create r ",
        "*if ",
        "*elseif ",
        "*else",
        "*choice",
        "*fake_choice",
        "#",
        "*hide_reuse #",
        "*if (t) #",
        "*goto ",
        "*gosub ",
        "*gosub here ",
        "*gosub_scene other ",
        "*goto_scene other there ",
        "*return",
        "*label ",
        "*label here",
        "*label x",
        "*params a s",
        "*rand a 1 ",
        "*rand a ",
        "*finish",
        "*ending",
        "*achieve ",
        "*achievement x visible 5 X",
        "*hide_reuse",
        "*allow_reuse",
        "*input_text s",
        "*input_number a",
        "*page_break ",
        "*stat_chart",
        "*setref s ",
        "*gotoref ",
        "*bug",
        "*goto_random_scene",
        "*comment @",
        "",
        "Text ${",
        "Text ${a} @{",
        "x",
        "*scene_list",
    ]);
    (0usize..5, command, expression())
        .prop_map(|(indent, command, rest)| format!("{}{command}{rest}", "  ".repeat(indent)))
}

fn scene() -> impl Strategy<Value = String> {
    proptest::collection::vec(line(), 1..25).prop_map(|lines| {
        let begin =
            "*create a 3\n*create b 2.5\n*create s \"a\"\n*create t true\n*create class 1\n";
        format!("{begin}{}\n", lines.join("\n"))
    })
}

fn walk(mut game: Player, actions: &[usize]) {
    if game.reset(3).is_err() {
        return;
    }
    for action in actions {
        if game.done() || game.act(action % game.choice_count().max(1)).is_err() {
            return;
        }
    }
}

/// A value as it is written, or the kind of mistake.
fn outcome<E>(result: Result<(), E>, game: &Player, kind: impl Fn(E) -> &'static str) -> String {
    match result {
        Err(error) => kind(error).into(),
        Ok(()) => match game.variable("a") {
            Some(value) => format!("{} {}", value.type_name(), value.literal()),
            None => "nothing".into(),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_games_do_not_panic(
        first in scene(),
        other in scene(),
        actions in proptest::collection::vec(0usize..4, 0..8),
    ) {
        if let Ok(game) = player(&[("startup", &first), ("other", &other)], small()) {
            walk(game, &actions);
        }
    }

    #[test]
    fn random_text_does_not_panic(text in "(\\*|#| |\n|\\PC|\\$\\{|@\\{|\\}|\\(|\\)|\"|if|set|choice){0,60}") {
        if let Ok(game) = one(&text, small()) {
            walk(game, &[0, 1, 2]);
        }
    }

    /// What is parsed beforehand gives the same as what is rewritten when it is reached.
    #[test]
    fn both_ways_to_assign_agree(value in expression()) {
        let begin = "*create a 3\n*create b 2.5\n*create s \"a\"\n*create t true\n*create class 1\n";
        let line = format!("*set a {value}");
        let words = line.splitn(3, ' ').nth(2).unwrap_or_default().trim();
        prop_assume!(line.split_whitespace().count() > 2 && !words.is_empty());
        let collapsed = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = format!("{begin}*choice\n  #Go.\n    {collapsed}\n    *ending\n");
        let (Ok(mut parsed), Ok(mut rewritten)) = (one(&text, small()), one(&text, small())) else {
            return Ok(());
        };
        prop_assert!(parsed.reset(0).is_ok() && rewritten.reset(0).is_ok());
        let result = parsed.act(0).map_err(|error| match error {
            axia_adventure::error::StepError::Play(error) => error.fault,
            other => panic!("{other}"),
        });
        let first = outcome(result, &parsed, |fault| fault.kind.exception());
        let value = collapsed.splitn(3, ' ').nth(2).unwrap_or_default();
        let result = rewritten.set_text("a", value);
        let second = outcome(result, &rewritten, |fault| fault.kind.exception());
        prop_assert_eq!(first, second, "{}", collapsed);
    }

    /// The same for conditions.
    #[test]
    fn both_ways_to_decide_agree(condition in expression()) {
        prop_assume!(!condition.contains('#') && !condition.contains("*if"));
        let begin = "*create a 3\n*create b 2.5\n*create s \"a\"\n*create t true\n*create class 1\n";
        let text = format!("{begin}*choice\n  #Go.\n    *if {condition}\n      Yes.\n    *ending\n");
        let Ok(mut game) = one(&text, small()) else { return Ok(()) };
        prop_assert!(game.reset(0).is_ok());
        let wanted = match game.check_text(&condition, true) {
            Ok(value) => value.truth().to_string(),
            Err(fault) => fault.kind.exception().into(),
        };
        let found = match game.act(0) {
            Ok(()) => game.output().starts_with("Yes.").to_string(),
            Err(axia_adventure::error::StepError::Play(error)) => error.fault.kind.exception().into(),
            Err(other) => panic!("{other}"),
        };
        prop_assert_eq!(found, wanted, "{}", condition);
    }

    /// The same for texts.
    #[test]
    fn both_ways_to_print_agree(pieces in proptest::collection::vec(expression(), 1..3), s in "[a-z${}@! ]{0,4}") {
        let text = pieces.iter().map(|p| format!("Text ${{{p}}} @{{(a > 1) {p}|no}} $!{{s}}")).collect::<String>();
        let text = text.trim();
        let whole = format!("*create a 3\n*create b 2.5\n*create s \"a\"\n*create t true\n*create class 1\n*choice\n  #Go.\n    {text}\n    *ending\n");
        let Ok(mut game) = one(&whole, small()) else { return Ok(()) };
        prop_assert!(game.reset(0).is_ok());
        prop_assert!(game.create_variable("s", Value::text(&s)).is_ok());
        let wanted = match game.fill_text(text) {
            Ok(filled) => filled,
            Err(fault) => fault.kind.exception().into(),
        };
        let found = match game.act(0) {
            Ok(()) => game.output().trim_end_matches("THE END!\n").trim_end_matches('\n').to_owned(),
            Err(axia_adventure::error::StepError::Play(error)) => error.fault.kind.exception().into(),
            Err(other) => panic!("{other}"),
        };
        prop_assert_eq!(found, wanted.trim_end_matches('\n'), "{}", text);
    }
}
