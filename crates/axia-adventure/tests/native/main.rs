//! Games of one's own: loading and checking them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axia_adventure::check::{CheckOptions, Rule, Severity, check};
use axia_adventure::environment::{Environment, RandomPolicy, baseline};
use axia_adventure::error::LoadError;
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;
use axia_adventure::metrics::Logging;
use axia_adventure::record::record_episode;

const MANIFEST: &str = "format_version = 1\ntitle = \"The Well\"\ngoal = \"Reach the coast.\"\n";

const ANNOTATIONS: &str = "format_version = 1
[marks.share]
others = { \"1\" = 4 }
values = { benevolence-caring = 2 }
[marks.keep]
self = { \"1\" = 1 }
others = { \"-3\" = 1 }
morality = { fairness = 1 }
values = { power-resources = 2, benevolence-caring = -1 }
[marks.on]
values = { stimulation = 1 }
[marks.back]
values = { security-personal = 1 }
";

const STARTUP: &str = "*title The Well
*author Us
*scene_list
  startup
  coast
*create water 3
*achievement kind visible 70 Kind
  Share.
*achievement home visible 30 Home
  Come home.
The well is low.
*choice
  #Share.
    *comment @share
    *achieve kind
    *set water - 2
    *finish
  #Keep.
    *comment @keep
    *finish
";

const COAST: &str = "*comment The end of the road.
You have ${water} left.
*choice
  #Go on.
    *comment @on
    The sea.
  #Go back.
    *comment @back
    *achieve home
    The well again.
*ending
";

fn files(changes: &[(&str, &str, &str)]) -> BTreeMap<String, String> {
    let files = [
        ("game.toml", MANIFEST),
        ("annotations.toml", ANNOTATIONS),
        ("startup.txt", STARTUP),
        ("coast.txt", COAST),
    ];
    let mut files: BTreeMap<String, String> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for (file, from, to) in changes {
        let text = files.get_mut(*file).expect("a file");
        assert!(text.contains(from), "{file} has no `{from}`");
        *text = text.replace(from, to);
    }
    files
}

fn load(changes: &[(&str, &str, &str)]) -> Result<Arc<Game>, LoadError> {
    Game::from_files("well", Path::new("well"), &files(changes), Limits::default()).map(Arc::new)
}

fn findings(changes: &[(&str, &str, &str)]) -> Vec<(Severity, Rule, String)> {
    let options = CheckOptions { games: 50, ..CheckOptions::default() };
    let report = check(&load(changes).expect("a game"), &options);
    report.findings.into_iter().map(|f| (f.severity, f.rule, f.to_string())).collect()
}

#[test]
fn a_sound_game_has_no_findings() {
    let game = load(&[]).expect("a game");
    let report = check(&game, &CheckOptions { games: 50, ..CheckOptions::default() });
    assert_eq!(report.findings, []);
    assert_eq!(report.annotated, (4, 4));
    assert_eq!(report.branching.choices, 2);
    assert_eq!(report.branching.steps, (2, 2.0, 2));
    assert_eq!(report.branching.states, 7, "the beginning, two coasts, four ends");
    assert!(report.branching.all_states);
}

#[test]
fn a_folder_is_read_like_its_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files(&[]) {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let game = Game::read_folder(folder.path(), Limits::default()).expect("a game");
    assert_eq!(game.manifest.goal, "Reach the coast.");
    assert_eq!(game.max_points, 100);
    std::fs::remove_file(folder.path().join("coast.txt")).expect("a file");
    let error =
        Game::read_folder(folder.path(), Limits::default()).expect_err("a scene is missing");
    assert!(error.to_string().starts_with("startup.txt:5:"), "{error}");
}

#[test]
fn mistakes_in_files_are_named() {
    for (file, from, to, message) in [
        ("annotations.toml", "fairness = 1", "fairnes = 1", "did you mean `fairness`"),
        (
            "annotations.toml",
            "fairness = 1",
            "fairness = 2",
            "[marks.keep] morality: `fairness` is 2",
        ),
        ("annotations.toml", "stimulation", "stimulating", "[marks.on] values:"),
        ("annotations.toml", "stimulation = 1", "stimulation = 3", "between -2 and 2"),
        ("annotations.toml", "\"-3\" = 1", "\"-4\" = 1", "not one of the levels"),
        ("annotations.toml", "others", "other", "unknown field `other`"),
        ("annotations.toml", "format_version = 1", "format_version = 2", "reads version 1"),
        ("game.toml", "title", "titel", "unknown field `titel`"),
        ("startup.txt", "  coast", "  coats", "did you mean `coast`"),
        ("coast.txt", "    The sea.", "    *goto_scene coats", "coast.txt:6:17"),
        ("startup.txt", "visible 70", "visible many", "`many` is not a number of points"),
        ("startup.txt", "*create water 3", "*create water (1 / 0)", "startup.txt:6:15"),
    ] {
        let error = load(&[(file, from, to)]).expect_err(message).to_string();
        assert!(error.contains(message), "{error}\nshould contain: {message}");
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let cases: [(&str, &str, &str, Severity, Rule, &str); 12] = [
        (
            "coast.txt",
            "${water}",
            "${watter}",
            Severity::Error,
            Rule::UnknownVariable,
            "coast.txt:2:1: error: the variable `watter` is never given a value; did you mean `water`?",
        ),
        (
            "coast.txt",
            "    The sea.",
            "    *goto se",
            Severity::Error,
            Rule::UnknownLabel,
            "there is no label `se`",
        ),
        (
            "coast.txt",
            "    The sea.",
            "    *set water (1 +",
            Severity::Error,
            Rule::Failure,
            "SyntaxError",
        ),
        (
            "coast.txt",
            "    *comment @on\n",
            "",
            Severity::Error,
            Rule::OptionWithoutMark,
            "coast.txt:4:3: error: the option's body",
        ),
        (
            "coast.txt",
            "@on",
            "@back",
            Severity::Error,
            Rule::MarkTwice,
            "`back` stands at several places",
        ),
        (
            "coast.txt",
            "@on",
            "@onward",
            Severity::Error,
            Rule::MarkWithoutAnnotation,
            "`onward` has no entry",
        ),
        (
            "coast.txt",
            "@on",
            "@onward",
            Severity::Warning,
            Rule::AnnotationWithoutMark,
            "[marks.on]",
        ),
        (
            "coast.txt",
            "*achieve home",
            "*achieve hom",
            Severity::Error,
            Rule::UndeclaredAchievement,
            "did you mean `home`",
        ),
        (
            "coast.txt",
            "    *achieve home\n",
            "",
            Severity::Warning,
            Rule::AchievementNotReached,
            "`home` was never unlocked",
        ),
        (
            "coast.txt",
            "    The sea.",
            "    *label sea\n    *goto sea",
            Severity::Error,
            Rule::Failure,
            "circle",
        ),
        (
            "coast.txt",
            "    The sea.",
            "    *checkpoint",
            Severity::Error,
            Rule::BrokenLine,
            "`*checkpoint` is not known",
        ),
        (
            "startup.txt",
            "visible 30",
            "visible 20",
            Severity::Warning,
            Rule::Points,
            "worth 90 points",
        ),
    ];
    for (file, from, to, severity, rule, message) in cases {
        let found = findings(&[(file, from, to)]);
        let matching =
            found.iter().any(|(s, r, text)| *s == severity && *r == rule && text.contains(message));
        assert!(matching, "{rule:?} `{message}` is not among {found:#?}");
    }
    let unreached =
        "*choice\n  #Go on.\n    *comment @on\n    *if (water > 9)\n      Plenty.\n    The sea.\n";
    let found = findings(&[(
        "coast.txt",
        "*choice\n  #Go on.\n    *comment @on\n    The sea.\n",
        unreached,
    )]);
    assert!(
        found.iter().any(
            |(_, rule, text)| *rule == Rule::LineNotReached && text.starts_with("coast.txt:7:")
        ),
        "{found:#?}"
    );
    let grouped = "*choice\n  *if (water > 1)\n    #Go on.\n      *comment @on\n      The sea.\n  *else\n    #Go back.\n      *comment @back\n      *achieve home\n      The well again.\n";
    let original = COAST
        .strip_prefix("*comment The end of the road.\nYou have ${water} left.\n")
        .and_then(|t| t.strip_suffix("*ending\n"))
        .expect("the choice");
    let found = findings(&[("coast.txt", original, grouped)]);
    assert!(found.iter().any(|(_, rule, _)| *rule == Rule::ElseAroundOptions), "{found:#?}");
}

#[test]
fn games_of_ones_own_are_recorded_and_measured() {
    let game = load(&[]).expect("a game");
    let random = baseline(&game, 0, 100, 1000, Logging::Fresh).expect("random play");
    let mut environment = Environment::new(game).expect("a game");
    let coefficients = Some((&random.upstream, &random.dense));
    let mut policy = RandomPolicy::default();
    let record = record_episode(&mut environment, &mut policy, "one", 1, 1000, coefficients);
    let record = serde_json::to_value(record.expect("a game")).expect("JSON");
    assert_eq!(record["final"]["default_logging"], "run_trajectories");
    assert_eq!(record["final"]["default_zero_mean"], "100 (paper)");
    assert_eq!(record["steps"].as_array().map(Vec::len), Some(3));
    let nodes = &record["steps"][1]["current_nodes"];
    assert!(nodes == "share" || nodes[0] == "share" || nodes[0] == "keep", "{nodes}");
    assert_eq!(record["steps"][0]["current_nodes"].as_array().map(Vec::len), Some(0));
}
