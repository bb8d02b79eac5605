//! Rows on play.

use super::{Agreement, Decisions, GameSummary, PlayShift, PlaySummary, PlayerSummary};
use crate::report::Table;

const CHANGE: &str = "steered-minus-control";

impl Table {
    pub(in crate::stage) fn play(&mut self, play: &PlaySummary) {
        play.games.iter().for_each(|game| self.game(game));
        play.players.iter().for_each(|player| self.player(player));
        play.shifts.iter().for_each(|shift| self.play_shift(shift));
    }

    fn game(&mut self, game: &GameSummary) {
        let place = ("all", "game", game.name.as_str());
        self.number(place, "max-points", game.max_points as f64);
        self.count(place, "achievements", game.achievements);
        self.count(place, "seeds", game.seeds.len());
        self.count(place, "random-games", game.random_games);
    }

    fn player(&mut self, player: &PlayerSummary) {
        let name = player.name.as_str();
        let Decisions { all, invalid, loop_breaks, unfinished } = player.decisions;
        let counts = [
            ("games", player.episodes),
            ("decisions", all),
            ("invalid", invalid),
            ("loop-breaks", loop_breaks),
            ("unfinished", unfinished),
        ];
        for (measure, count) in counts {
            self.count((name, "playing", "all"), measure, count);
        }
        for measure in &player.measures {
            let place = (name, "play", measure.metric.as_str());
            self.number(place, "count", measure.count);
            if let Some(score) = &measure.score {
                self.estimate(place, "score", score);
            }
        }
        for revealed in &player.revealed {
            let place = (name, "revealed", revealed.value.slug());
            self.count(place, "decisions", revealed.decisions);
            if let Some(score) = &revealed.score {
                self.estimate(place, "score", score);
            }
        }
    }

    fn play_shift(&mut self, shift: &PlayShift) {
        let respondent = shift.respondent.as_str();
        for measure in &shift.measures {
            if let Some(change) = &measure.change {
                self.estimate((respondent, "play", &measure.metric), CHANGE, change);
            }
        }
        for revealed in &shift.revealed {
            if let Some(change) = &revealed.change {
                self.estimate((respondent, "revealed", revealed.value.slug()), CHANGE, change);
            }
        }
        if let Some(agreement) = &shift.agreement {
            self.agreement(respondent, agreement);
        }
    }

    fn agreement(&mut self, respondent: &str, agreement: &Agreement) {
        self.estimate((respondent, "agreement", "all"), "correlation", &agreement.correlation);
        for point in &agreement.points {
            let place = (respondent, "agreement", point.value.slug());
            self.number(place, "survey-shift", point.survey);
            self.number(place, "play-shift", point.play);
        }
    }
}
