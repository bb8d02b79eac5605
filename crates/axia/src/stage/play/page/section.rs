//! The section on play.

use axia_values::stats::Estimate;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::metrics::{ACHIEVEMENTS, HARMS, SCORE, title};
use super::plane::{AgreementFigure, agreements};
use super::plane::{HarmFigure, harms};
use super::plane::{PlaneFigure, plane};
use super::reader::{Reader, reader};
use super::revealed::players;
use super::revealed::{RevealedFigures, revealed};
use super::tables::{self, Conduct, GameRow, MeasureTable};
use super::verdict::{HARM_DECIMALS, cautions, play_verdict};
use crate::report::words::{fixed, interval_to, signed_to};
use crate::report::{About, Cast, Metric, Number, Shown, Table, Task};
use crate::stage::play::{Decisions, PlayShift, PlaySummary, PlayerSummary};
use crate::text::visible_line;

const FACT_CHARACTERS: usize = 200;

static ABOUT: About = About {
    name: "play",
    title: "Play",
    section: ("play.html", include_str!("play.html")),
    methods: ("play-methods.html", include_str!("methods.html")),
    heading: "Play",
    unlike: "The runs played different games, so that their counts do not compare game by game.",
    caption: "Points in percent of all, achievements a game, harms in percent of random play, with \
              95\u{a0}% intervals.",
};

/// How the respondents play text adventures.
#[derive(Debug, Serialize)]
struct PlaySection {
    findings: Vec<Finding>,
    cautions: Vec<String>,
    facts: String,
    harms: Option<HarmFigure>,
    measures: MeasureTable,
    conduct: Vec<Conduct>,
    plane: Option<PlaneFigure>,
    revealed: Option<RevealedFigures>,
    agreements: Vec<AgreementFigure>,
    reader: Reader,
    games: Vec<GameRow>,
    settings: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct Finding {
    class: String,
    outcome: &'static str,
    answer: std::borrow::Cow<'static, str>,
    sentence: String,
    rest: String,
}

impl Shown for PlaySummary {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn section(&self, cast: &Cast<'_>) -> Value {
        Value::from(Serde(section(self, cast)))
    }

    fn add_rows(&self, table: &mut Table) {
        table.play(self);
    }

    fn numbers(&self, respondent: &str) -> Vec<Number> {
        let player = self.players.iter().find(|one| one.name == respondent);
        let shift = self.shifts.iter().find(|one| one.respondent == respondent);
        player.map(|player| numbers(player, shift)).unwrap_or_default()
    }

    fn facts(&self) -> Vec<(String, String)> {
        let games = self.games.iter().flat_map(|game| {
            let name = fact(&game.name);
            let seeds: Vec<String> = game.seeds.iter().map(u64::to_string).collect();
            [
                (format!("Seeds of the game {name}"), fact(&seeds.join(", "))),
                (format!("Random games of {name}"), game.random_games.to_string()),
                (format!("Hash of the game {name}"), fact(&game.hash)),
            ]
        });
        let settings = self.settings.iter();
        let settings = settings.map(|(name, value)| (format!("Play: {}", fact(name)), fact(value)));
        games.chain(settings).collect()
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |player: &PlayerSummary| {
            let metrics = player.measures.iter().map(|measure| match &measure.score {
                Some(score) => Metric::estimated(&measure.metric, score),
                None => Metric::plain(&measure.metric, measure.count),
            });
            Task {
                name: format!("axia_play_{}", player.name),
                metrics: metrics.collect(),
                samples: player.episodes,
            }
        };
        self.players.iter().map(task).collect()
    }

    fn asked(&self) -> Vec<String> {
        let mut games: Vec<String> = self.games.iter().map(|game| game.hash.clone()).collect();
        games.sort();
        games
    }
}

/// A fact of any length as a table has room for it.
fn fact(text: &str) -> String {
    visible_line(text, FACT_CHARACTERS)
}

fn numbers(player: &PlayerSummary, shift: Option<&PlayShift>) -> Vec<Number> {
    let difference: fn(f64) -> String = |value| signed_to(value, HARM_DECIMALS);
    let measures = [SCORE, ACHIEVEMENTS].into_iter().chain(HARMS).map(|metric| {
        let own = player.measures.iter().find(|one| one.metric == metric);
        let show = |one: &Estimate| {
            format!("{} {}", fixed(one.value, HARM_DECIMALS), interval_to(one, HARM_DECIMALS))
        };
        Number::estimate(title(metric), own.and_then(|one| one.score), show, difference)
    });
    let changes = HARMS.into_iter().filter_map(|metric| {
        let own = shift?.measures.iter().find(|one| one.metric == metric)?.change?;
        let show = |one: &Estimate| {
            format!("{} {}", signed_to(one.value, HARM_DECIMALS), interval_to(one, HARM_DECIMALS))
        };
        let name = format!("{}, steered − control", title(metric));
        Some(Number::estimate(name, Some(own), show, difference))
    });
    let Decisions { all, invalid, .. } = player.decisions;
    let invalid = Number::text("Invalid answers", Some(format!("{invalid} of {all}")));
    measures.chain(changes).chain([invalid]).collect()
}

/// The section, in the looks of `cast`.
fn section(play: &PlaySummary, cast: &Cast<'_>) -> PlaySection {
    let players = players(play, cast);
    PlaySection {
        findings: play.shifts.iter().map(|shift| finding(shift, play, cast)).collect(),
        cautions: cautions(play),
        facts: tables::facts(play),
        harms: harms(play, &players),
        measures: tables::measures(play, &players, cast),
        conduct: tables::conduct(&players),
        plane: plane(play, &players),
        revealed: revealed(play, &players),
        agreements: agreements(play, cast),
        reader: reader(play, &players),
        games: tables::game_rows(play),
        settings: tables::settings(play),
    }
}

fn finding(shift: &PlayShift, play: &PlaySummary, cast: &Cast<'_>) -> Finding {
    let verdict = play_verdict(shift, play);
    Finding {
        class: cast.style(&shift.respondent).class(),
        outcome: verdict.harm.outcome.slug(),
        answer: verdict.harm.answer,
        sentence: verdict.harm.sentence,
        rest: verdict.rest,
    }
}
