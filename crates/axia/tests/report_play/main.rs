//! Play on the page, in the table and in the comparison.

mod elsewhere;
#[path = "../report_fixture/mod.rs"]
mod report_fixture;

use axia::results::compare;
use axia::run::Role;
use axia::stage::play::{Decided, PlayShift, PlaySummary, PlayerSummary};
use axia::study::summary::RunSummary;
use axia_values::stats::Estimate;
use axia_values::target::Direction;
use axia_values::taxonomy::RefinedValue;
use report_fixture::markup::{
    assert_finite, assert_harmless, assert_sound, assert_well_formed, markup, page,
};
use report_fixture::play::{STEPS, played, played_study};
use report_fixture::{Aim, study};

fn parts(summary: &mut RunSummary) -> &mut PlaySummary {
    summary.stages.play.as_mut().unwrap()
}

fn shift(summary: &mut RunSummary) -> &mut PlayShift {
    &mut parts(summary).shifts[0]
}

fn player<'a>(summary: &'a mut RunSummary, name: &str) -> &'a mut PlayerSummary {
    parts(summary).players.iter_mut().find(|one| one.name == name).unwrap()
}

fn change(summary: &mut RunSummary, metric: &str, change: Option<(f64, f64, f64)>) {
    let own = shift(summary).measures.iter_mut().find(|one| one.metric == metric).unwrap();
    own.change = change.map(|(value, low, high)| Estimate { value, low, high });
}

/// The text between two marks, the second of them after the first.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("{from} is missing"));
    let length = text[start..].find(to).unwrap_or_else(|| panic!("{to} is missing"));
    &text[start..start + length + to.len()]
}

fn section(page: &str) -> &str {
    between(page, "<section id=\"play\">", "</section>")
}

fn several() -> RunSummary {
    let aim = |dimension, title, direction| Aim { dimension, title, direction, effect: 0.5 };
    let aims = [
        Aim::power_down(0.8),
        aim("benevolence", "Benevolence, up", Direction::Up),
        aim("achievement", "Achievement, down", Direction::Down),
    ];
    played("several", &aims)
}

#[test]
fn the_section_shows_everything_in_order() {
    let page = page(&played_study());
    assert_sound(&page);
    let headings = [
        "<a href=\"#play\">Play</a>",
        "Does it act differently?",
        "Steered down on Power, the model ",
        "Its choices express, beside its control’s: less of Power: dominance (",
        "Survey and play moved together: over 18 values their shifts correlate at 0.84 [0.61,",
        "It played 12\u{a0}games with 108 decisions",
        "Everybody played 3 text adventures (Mill Race, The Salt Ledger, North Light), each from \
         4 seeds: 12\u{a0}games a respondent at most.",
        "Harms beside random play",
        "<svg class=\"intervals\"",
        "Change, steered − control",
        "<b>Ethical violations</b>",
        "Non-physical harm",
        "Revealed values (−1 to 1",
        "How decisions came about",
        "Reward and harm",
        "<svg class=\"plane\"",
        "GPT-4 CoT + ethics *",
        "the 30 test games of MACHIAVELLI (Pan et al. 2023)",
        "What choices express",
        "<svg class=\"circle\"",
        "Survey against play: Power, down",
        "<svg class=\"plane\"",
        "Game by game",
        "Mill Race",
        "Here ways part",
        "Games and settings of play",
        "random mean of zero",
        "Does the wording of the question matter?",
        "id=\"play-methods\"",
    ];
    let mut rest = page.as_str();
    for heading in headings {
        let at = rest.find(heading).unwrap_or_else(|| panic!("{heading} is missing or too early"));
        rest = &rest[at..];
    }
}

#[test]
fn numbers_by_hand() {
    let mut summary = played_study();
    change(&mut summary, "violations.Σ", Some((-12.25, -20.0, -4.5)));
    change(&mut summary, "utility.Σ", Some((6.0, 1.5, 9.0)));
    change(&mut summary, "power.Σ", Some((0.5, -2.0, 3.0)));
    let own = shift(&mut summary);
    own.targets = vec![RefinedValue::Face, RefinedValue::PowerResources, RefinedValue::Hedonism];
    for revealed in &mut own.revealed {
        revealed.change = match revealed.value {
            RefinedValue::Face => Some(Estimate { value: 0.25, low: 0.125, high: 0.5 }),
            RefinedValue::PowerResources => Some(Estimate { value: -0.1, low: -0.2, high: 0.1 }),
            _ => revealed.change,
        };
    }
    player(&mut summary, "base").measures[21].count = 3.125;
    let page = page(&summary);
    let section = section(&page);
    for text in [
        "<strong>More of one harm, less of another.</strong> Steered down on Power, the model did \
         more of one harm and less of another than its control in the same games; in percent of \
         random play, ethical violations fell by 12.2 points [4.5,\u{a0}20.0]; disutility rose by \
         6.0 points [1.5,\u{a0}9.0]; no clear change of power (+0.5 [−2.0,\u{a0}3.0]).",
        "more of Face (+0.25 [0.12,\u{a0}0.50], against the steering); no clear change of Power: \
         resources (−0.10 [−0.20,\u{a0}0.10]); Hedonism was not at stake.",
        "<b>−12.2</b><small>[−20.0,\u{a0}−4.5]</small>",
        "<small>3.12 a game</small>",
    ] {
        assert!(section.contains(text), "{text}");
    }
}

/// The answer on harm when the three harms change so.
fn said(summary: &mut RunSummary, changes: [Option<(f64, f64, f64)>; 3]) -> String {
    for (metric, own) in ["violations.Σ", "utility.Σ", "power.Σ"].into_iter().zip(changes) {
        change(summary, metric, own);
    }
    between(section(&page(summary)), "<strong>", "</p>").to_owned()
}

#[test]
fn findings_are_no_stronger_than_their_intervals() {
    let mut summary = played_study();
    let (fell, rose) = (Some((-3.0, -5.0, -1.0)), Some((3.0, 1.0, 5.0)));
    let unclear = Some((-3.0, -5.0, 1.0));
    assert!(
        said(&mut summary, [fell, unclear, None])
            .starts_with("<strong>It does less harm.</strong>")
    );
    assert!(
        said(&mut summary, [None, rose, unclear])
            .starts_with("<strong>It does more harm.</strong>")
    );
    let nothing = said(&mut summary, [unclear, unclear, unclear]);
    assert!(nothing.starts_with("<strong>No clear effect on harm.</strong>"), "{nothing}");
    assert!(nothing.contains("is not shown to do more or less harm"), "{nothing}");
    let one_game = said(&mut summary, [Some((-3.0, -3.0, -3.0)), unclear, None]);
    assert!(one_game.starts_with("<strong>Too few games to tell.</strong>"), "{one_game}");
    player(&mut summary, "base").episodes = 6;
    let few = said(&mut summary, [fell, unclear, None]);
    assert!(few.starts_with("<strong>Less harm, but in few games.</strong>"), "{few}");
    assert!(said(&mut summary, [None, None, None]).starts_with("<strong>Not measured.</strong>"));

    let agreement = shift(&mut summary).agreement.as_mut().unwrap();
    agreement.correlation = Estimate { value: 0.2, low: -0.3, high: 0.6 };
    let unsure = page(&summary);
    assert!(unsure.contains("The survey is not shown to predict play: over 18 values"));
    assert!(unsure.contains("0.20 [−0.30,\u{a0}0.60], an interval that includes zero."));
}

#[test]
fn doubtful_play_calls_for_caution() {
    let quiet = page(&played_study());
    assert!(!section(&quiet).contains("class=\"caution\""));
    let mut summary = played_study();
    let decisions = &mut player(&mut summary, "power-down").decisions;
    (decisions.all, decisions.invalid, decisions.loop_breaks) = (100, 11, 10);
    player(&mut summary, "control").decisions.unfinished = 4;
    // Landmarks may do as they like.
    player(&mut summary, "random").decisions.invalid = 100;
    let doubtful = page(&summary);
    let cautions = between(section(&doubtful), "aria-label=\"Cautions on play\"", "</ul>");
    assert_eq!(cautions.matches("<li").count(), 2, "{cautions}");
    assert!(cautions.contains(
        "power-down: 11\u{a0}% of its decisions were answers that named no option, decided at \
         random, which draws its numbers towards random play."
    ));
    assert!(cautions.contains("control: 33\u{a0}% of its games did not come to an end"));
    assert!(doubtful.contains("4 (33\u{a0}%)"));
    player(&mut summary, "base").episodes = 3;
    assert!(page(&summary).contains("There are only 3\u{a0}games a respondent"));
}

#[test]
fn without_play_the_page_is_the_same() {
    let (with, without) = (markup(&page(&played_study())), markup(&page(&study())));
    assert!(!without.contains("id=\"play\"") && !without.contains("random play"));
    let mut stripped = with.replace("<a href=\"#play\">Play</a>", "");
    let own = section(&stripped).to_owned();
    stripped = stripped.replace(&own, "");
    let methods = between(&stripped, "  <p id=\"play-methods\">", "</p>\n").to_owned();
    stripped = stripped.replace(&methods, "");
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(lines(&stripped), lines(&without));
}

#[test]
fn little_play_is_shown_as_far_as_it_goes() {
    let mut summary = played_study();
    for player in &mut parts(&mut summary).players {
        player.revealed.clear();
        for measure in &mut player.measures {
            measure.score = None;
        }
    }
    let own = shift(&mut summary);
    own.revealed.clear();
    own.agreement = None;
    for measure in &mut own.measures {
        measure.change = None;
    }
    let bare = page(&summary);
    assert_sound(&bare);
    for absent in ["id=\"harms\"", "id=\"reward-harm\"", "id=\"revealed\"", "Survey against play"] {
        assert!(!section(&bare).contains(absent), "{absent}");
    }
    assert!(bare.contains("What its choices express is not known"));
    assert!(bare.contains("a game</small>"), "counts are left");

    *parts(&mut summary) = PlaySummary {
        games: Vec::new(),
        settings: Vec::new(),
        players: Vec::new(),
        shifts: Vec::new(),
        scenes: Vec::new(),
        transcripts: Vec::new(),
    };
    let empty = page(&summary);
    assert_sound(&empty);
    assert!(!empty.contains("id=\"transcripts\""));
    assert_sound(&compare(&summary, &played_study()).unwrap());
}

#[test]
fn values_without_decisions_are_absent() {
    let mut summary = played_study();
    let whole = page(&summary);
    let circle = between(section(&whole), "<svg class=\"circle\"", "</svg>");
    assert!(circle.contains("Values revealed in play of base, control, power-down"));
    assert_eq!(circle.matches("<g class=\"point\">").count(), 3 * 18);
    assert_eq!(circle.matches("▼").count(), 3);
    assert!(!circle.contains(">Hedonism<") && circle.contains(">Face<"));
    // Too few for a circle.
    for player in &mut parts(&mut summary).players {
        for one in &mut player.revealed[4..] {
            (one.score, one.decisions) = (None, 0);
        }
    }
    let page = page(&summary);
    assert_sound(&page);
    let revealed = between(section(&page), "id=\"revealed\"", "<p class=\"caption\">");
    let figure = between(revealed, "<svg class=\"intervals\"", "</svg>");
    assert_eq!(figure.matches("<g class=\"label\">").count(), 4);
}

#[test]
fn many_steered_respondents_get_a_circle_each() {
    let page = page(&several());
    assert_sound(&page);
    let section = section(&page);
    assert_eq!(section.matches("<svg class=\"circle\"").count(), 3);
    assert_eq!(section.matches("Survey against play: ").count(), 3);
    assert_eq!(section.matches("<p class=\"after-finding\">").count(), 3);
}

/// The markup of one game in the reader.
fn game<'a>(page: &'a str, title: &str) -> &'a str {
    let start = page.find(&format!("<summary><b>{title}</b>")).unwrap();
    &page[start..start + page[start..].find("</details>").unwrap()]
}

#[test]
fn what_is_common_stands_there_once() {
    let mut summary = played_study();
    parts(&mut summary).transcripts.retain(|one| ["base", "control"].contains(&&*one.respondent));
    let one = page(&summary);
    assert_sound(&one);
    let game = game(&one, "Mill Race");
    // They choose the same six times and then part, from the seventh decision's scene on.
    let transcripts = &summary.stages.play.as_ref().unwrap().transcripts;
    let [base, control] = [&transcripts[0], &transcripts[1]];
    let mut both = base.moves.iter().zip(&control.moves);
    let common = both.position(|(a, b)| a.chosen != b.chosen).unwrap();
    assert!((6..STEPS).contains(&common), "{common}");
    let scenes = game.matches("<blockquote").count();
    let apart = STEPS + 1 - (common + 1);
    assert_eq!(scenes, common + 1 + 2 * apart);
    assert_eq!(game.matches("Here ways part").count(), 1);
    assert!(game.contains("data-who=\"0 1\""));
    let before = &game[..game.find("Here ways part").unwrap()];
    assert_eq!(before.matches("<h5>").count(), common + 1);
    assert!(before.contains("invalid answer, at random"));
    assert!(before.contains("✓ base") && before.contains("✓ control"));
    // A way that is followed to its end alike has no fork.
    let own = parts(&mut summary);
    let moves = own.transcripts[0].moves.clone();
    let last = own.transcripts[0].last_scene;
    (own.transcripts[1].moves, own.transcripts[1].last_scene) = (moves, last);
    let same = page(&summary);
    let same = self::game(&same, "Mill Race");
    assert!(!same.contains("Here ways part"));
    assert_eq!(same.matches("<blockquote").count(), STEPS + 1);
    assert_eq!(same.matches("<div class=\"ended\"").count(), 2);
}

#[test]
fn chance_parts_ways_too() {
    let mut summary = played_study();
    let own = parts(&mut summary);
    own.transcripts.retain(|one| ["base", "control"].contains(&&*one.respondent));
    let mut moves = own.transcripts[0].moves.clone();
    moves[1].scene = moves[4].scene;
    own.transcripts[1].moves = moves;
    let page = page(&summary);
    assert_sound(&page);
    let game = game(&page, "Mill Race");
    let before = &game[..game.find("Here ways part").unwrap()];
    assert_eq!(before.matches("<h5>").count(), 1);
}

#[test]
fn what_counted_is_said() {
    let page = page(&played_study());
    let game = game(&page, "Mill Race");
    assert!(game.contains("<span class=\"chip harm\" dir=\"auto\">deception</span>"));
    assert!(game.contains("<span class=\"chip reward\" dir=\"auto\">+15\u{a0}points</span>"));
    assert!(game.contains("<span class=\"chip unlocked\" dir=\"auto\">Truth number "));
    assert!(!game.contains("violations.Σ") && !game.contains(">ethical violations<"));
    assert!(game.contains("<i style=\"width:"));
}

#[test]
fn broken_references_are_left_empty() {
    let mut summary = played_study();
    let own = parts(&mut summary);
    for transcript in &mut own.transcripts {
        transcript.last_scene = usize::MAX;
        transcript.moves[2].scene = 9_999;
        transcript.moves[3].chosen = 77;
        transcript.moves[4].probabilities = vec![f64::NAN; 99];
        transcript.points = i64::MIN;
        transcript.moves[0].reward = i64::MIN;
    }
    own.transcripts[0].game = "unknown".to_owned();
    own.transcripts[1].respondent = "nobody".to_owned();
    own.games[2].name = own.games[1].name.clone();
    assert_finite(&compare(&summary, &summary).unwrap());
    for transcript in &mut parts(&mut summary).transcripts {
        transcript.moves[4].probabilities = Vec::new();
    }
    assert_sound(&page(&summary));
}

#[test]
fn the_reader_is_bounded() {
    let mut summary = played_study();
    let own = parts(&mut summary);
    own.scenes[0].text = "long ".repeat(20_000);
    for transcript in &mut own.transcripts {
        let last = transcript.moves.last().unwrap().clone();
        transcript.moves.extend(std::iter::repeat_n(last, 1_000));
    }
    let long = page(&summary);
    assert_sound(&long);
    assert!(long.contains("Up to 859 more decisions are not shown here."));
    assert!(long.len() < 6_000_000, "{}", long.len());

    let mut summary = played_study();
    let own = parts(&mut summary);
    let (first, transcripts) = (own.games[0].clone(), own.transcripts.clone());
    for scene in &mut own.scenes {
        scene.text = "long ".repeat(2_000);
    }
    for number in 0..20 {
        let name = format!("copy-{number}");
        let of_first = transcripts.iter().filter(|one| one.game == first.name);
        own.transcripts.extend(
            of_first.map(|one| axia::stage::play::Transcript { game: name.clone(), ..one.clone() }),
        );
        own.games.push(axia::stage::play::GameSummary {
            title: name.clone(),
            name,
            ..first.clone()
        });
    }
    let many = page(&summary);
    assert!(many.contains("Not shown for want of room: ") && many.contains("copy-19"));
    assert!(many.len() < 9_000_000, "{}", many.len());
}

const HOSTILE: [&str; 5] = [
    "{{ 7*7 }}{% for x in range(9) %}boom{% endfor %}{# gone #} {{ page.title }}",
    "<script>alert(1)</script></blockquote></details><img src=x onerror=alert(1)>\" onload=\"x'",
    "\u{1b}[2J\u{1b}]0;owned\u{7}red\u{9b}31m\r\nnext\u{0}",
    "\u{202e}lanigiro\u{202c} \u{2066}x\u{2069}\u{200f} \u{200b}a\u{e0041}\u{feff}\u{2028}b",
    "&lt;b&gt;&#x202e;&copy;</style><style>*{display:none}",
];

#[test]
fn hostile_games_come_out_inert() {
    let mut summary = several();
    let all = HOSTILE.concat();
    let own = parts(&mut summary);
    for (index, scene) in own.scenes.iter_mut().enumerate() {
        scene.text = HOSTILE[index % HOSTILE.len()].to_owned();
        scene.options = (0..3).map(|at| HOSTILE[(index + at) % HOSTILE.len()].to_owned()).collect();
    }
    for game in &mut own.games {
        game.title = all.clone();
        game.hash = all.clone();
    }
    for transcript in &mut own.transcripts {
        transcript.achievements = HOSTILE.map(str::to_owned).into();
        for step in &mut transcript.moves {
            step.counted = HOSTILE.map(|text| format!("violations.{text}")).into();
        }
        transcript.moves[1].decided = Decided::Invalid;
    }
    own.settings = vec![(all.clone(), all.clone())];
    // Names bind a respondent's parts together, and are as hostile as the rest.
    for (one, name) in own.players.iter_mut().zip(HOSTILE) {
        let old = std::mem::replace(&mut one.name, name.to_owned());
        one.measures[8].metric = format!("violations.{name}");
        for transcript in own.transcripts.iter_mut().filter(|own| own.respondent == old) {
            transcript.respondent = name.to_owned();
        }
        for shift in own.shifts.iter_mut().filter(|own| own.respondent == old) {
            shift.respondent = name.to_owned();
            shift.title = format!("{name}, down");
            shift.measures[8].metric = format!("violations.{name}");
        }
    }
    own.games[1].name = own.games[1].name.replace("salt", HOSTILE[1]);
    assert!(own.players.iter().any(|one| one.role == Role::Steered));
    let page = page(&summary);
    assert_well_formed(&page);
    assert_finite(&page);
    let markup = markup(&page);
    for absent in ["<script", "<img", "<style", "boomboom"] {
        assert!(!markup.contains(absent), "{absent}");
    }
    for present in [
        "{{ 7*7 }}{% for x in range(9) %}boom{% endfor %}{# gone #}",
        "&lt;script&gt;alert(1)",
        "⟨U+001B⟩]0;owned⟨U+0007⟩red⟨U+009B⟩31m</p>",
        "⟨U+202E⟩lanigiro⟨U+202C⟩",
        "⟨U+E0041⟩",
        "&amp;lt;b&amp;gt;&amp;#x202e;",
    ] {
        assert!(markup.contains(present), "{present}");
    }
    assert_harmless(&page);
    assert_well_formed(&compare(&summary, &summary).unwrap());
}
