//! The game as a person plays it.

use super::saved::{Input, Typed};
use super::saved::{SavedGame, default_path};
use crate::cli::failure::print_more;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::play::PlayArgs;
use crate::cli::play::agent::{AgentName, Comparison, first_seed, seeds};
use crate::cli::play::episodes::lines;
use crate::cli::play::table::{HARMS, harms};
use crate::cli::session::Session;
use crate::files::write_whole;
use crate::games::{LoadedGame, Location};
use crate::text::plain;
use anyhow::anyhow;
use axia_adventure::environment::Environment;
use axia_adventure::error::StepError;
use axia_adventure::record::{EpisodeRecord, record_episode};
use clap::Args;
use std::path::{Path, PathBuf};
use terminal_size::{Width, terminal_size};
use unicode_width::UnicodeWidthStr as _;

const HELP: &str = "  1, 2, …  take an option
  s        save the game
  r        go on with the saved game
  q        stop; the game is saved
  ?        this help
";

/// Options of a person's game.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playing yourself")]
pub struct HumanArgs {
    /// Where the game is saved; by default in $XDG_STATE_HOME/axia/saves
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Write the game as JSON lines when it ends, as --json does for other agents
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
}

/// How a game came to its end.
enum End {
    Over,
    Left,
    Stopped,
}

/// Lets a person play.
pub fn run(args: &PlayArgs, games: &[Location], session: &Session) -> Outcome {
    let [location] = games else {
        let names: Vec<String> = games.iter().map(|game| plain(&game.name())).collect();
        let message = format!("you play one game: name it with --game ({})", names.join(", "));
        return Err(Failure::input(anyhow!(message)));
    };
    seeds(args)?;
    if let Some(path) = args.human.transcript.as_ref().filter(|path| path.exists()) {
        let message = format!("`{}` exists; choose another --transcript", path.display());
        return Err(Failure::input(anyhow!(message)));
    }
    let mut seat = Seat::new(args, location.load()?, session)?;
    let end = seat.play()?;
    let kept = seat.keep()?;
    if let Some(path) = &args.human.transcript {
        seat.write_transcript(path)?;
    }
    match (end, kept) {
        (End::Stopped, Some(path)) => {
            Err(Failure::cancelled(anyhow!("the game is saved in `{}`", path.display())))
        }
        (End::Stopped, None) => Err(Failure::cancelled(anyhow!("there was nothing to save"))),
        (End::Over | End::Left, _) => Ok(()),
    }
}

/// A person before a game.
struct Seat<'a> {
    loaded: LoadedGame,
    environment: Environment,
    seed: u64,
    actions: Vec<usize>,
    save: Option<PathBuf>,
    /// What is in the save file, if it was written or read here.
    saved: Option<SavedGame>,
    page: Page,
    input: Input,
    session: &'a Session,
    /// Whether anybody still reads.
    heard: bool,
}

impl<'a> Seat<'a> {
    fn new(args: &PlayArgs, loaded: LoadedGame, session: &'a Session) -> Outcome<Self> {
        let name = plain(&loaded.game.name);
        let seed = first_seed(args);
        let begun = Environment::new(loaded.game.clone()).and_then(|mut environment| {
            environment.reset(seed)?;
            Ok(environment)
        });
        let environment = begun.map_err(|error| {
            Failure::failed(anyhow!(plain(&error.to_string())))
                .while_trying(format!("play `{name}`"))
        })?;
        let save = args.human.save.clone().or_else(|| default_path(&loaded));
        Ok(Self {
            loaded,
            environment,
            seed,
            actions: Vec::new(),
            save,
            saved: None,
            page: Page::new(),
            input: Input::new(),
            session,
            heard: true,
        })
    }

    /// Plays until the game is over or the player has enough.
    fn play(&mut self) -> Outcome<End> {
        self.introduce()?;
        self.show()?;
        loop {
            if self.environment.done() {
                self.close()?;
                return Ok(End::Over);
            }
            self.prompt()?;
            let line = match self.input.next(self.session) {
                Typed::Stopped => return Ok(End::Stopped),
                Typed::Line(line) if self.heard => line,
                _ => {
                    self.say("\n")?;
                    return Ok(End::Left);
                }
            };
            if !self.input.is_typed() {
                self.say(&format!("{}\n", plain(&line)))?;
            }
            match line.to_lowercase().as_str() {
                "" => {}
                "?" | "h" | "help" => self.say(HELP)?,
                "s" | "save" => self.save()?,
                "r" | "restore" => self.restore()?,
                "q" | "quit" => return Ok(End::Left),
                word => self.choose(word)?,
            }
        }
    }

    fn say(&mut self, text: &str) -> Outcome {
        self.heard = self.heard && print_more(text)?;
        Ok(())
    }

    fn introduce(&mut self) -> Outcome {
        let manifest = &self.loaded.game.manifest;
        let mut text = self.page.paragraphs(&manifest.title);
        text += &self.page.paragraphs(&manifest.summary);
        if !manifest.player_character.is_empty() {
            let goal = &manifest.goal;
            let role = format!("You are {}. {goal}", manifest.player_character);
            text += &self.page.paragraphs(&role);
        }
        if let Some(Ok(Some(saved))) = self.save.as_ref().map(|p| SavedGame::read(p, &self.loaded))
        {
            let steps = saved.actions.len();
            text +=
                &format!("A saved game of {steps} steps is there: type r to go on with it.\n\n");
        }
        self.say(&text)
    }

    /// Shows what happened, and the options.
    fn show(&mut self) -> Outcome {
        let options: String = self
            .environment
            .choices()
            .enumerate()
            .map(|(number, option)| format!("{number}: {option}\n"))
            .collect();
        let observation = self.environment.observation();
        let story = observation.strip_suffix(&options).unwrap_or(observation);
        let mut text = String::from("\n") + &self.page.paragraphs(story);
        for id in self.environment.new_achievements() {
            if let Some(found) = self.loaded.game.achievement(id) {
                let points = found.points;
                let line = format!("* {} (+{points} points): {}", found.title, found.after);
                text += &self.page.paragraphs(&line);
            }
        }
        for (number, option) in (1..).zip(self.environment.choices()) {
            text += &self.page.option(number, option);
        }
        self.say(&text)
    }

    fn prompt(&mut self) -> Outcome {
        let points = (self.environment.points(), self.loaded.game.max_points);
        let options = self.environment.choice_count();
        let text = format!("\n[{} of {} points] 1-{options}, ? for help > ", points.0, points.1);
        self.say(&text)
    }

    fn choose(&mut self, word: &str) -> Outcome {
        let options = self.environment.choice_count();
        let number = word.parse::<usize>().ok().filter(|number| (1..=options).contains(number));
        let Some(action) = number.and_then(|number| number.checked_sub(1)) else {
            return self.say(&format!("There are the options 1 to {options}; ? for help.\n"));
        };
        let before = self.environment.save();
        match self.environment.step(action) {
            Ok(_) => {
                self.actions.push(action);
                self.show()
            }
            // The game is wrong here; the others of its paths may be sound.
            Err(error) => {
                self.environment.restore(&before);
                let error = plain(&error.to_string());
                self.say(&format!("The game fails here: {error}\nTake another option.\n"))
            }
        }
    }

    fn save(&mut self) -> Outcome {
        let said = match self.write_save() {
            Ok(path) => format!("Saved in {}.\n", path.display()),
            Err(message) => format!("Not saved: {message}\n"),
        };
        self.say(&said)
    }

    /// Saves the game. A game saved earlier by somebody else is kept beside it.
    fn write_save(&mut self) -> Result<PathBuf, String> {
        let path = self.save.clone().ok_or("no folder is known for it; use --save FILE")?;
        if self.saved.is_none() && path.exists() {
            let previous = path.with_extension("previous.json");
            std::fs::rename(&path, &previous)
                .map_err(|error| format!("failed to rename `{}`: {error}", path.display()))?;
        }
        let saved = SavedGame::new(&self.loaded, self.seed, &self.actions);
        saved.write(&path)?;
        self.saved = Some(saved);
        Ok(path)
    }

    fn restore(&mut self) -> Outcome {
        let read = self.save.as_ref().map(|path| SavedGame::read(path, &self.loaded));
        let saved = match read {
            Some(Ok(Some(saved))) => saved,
            Some(Err(message)) => return self.say(&format!("Not restored: {}\n", plain(&message))),
            Some(Ok(None)) | None => return self.say("There is no saved game.\n"),
        };
        let before = self.environment.save();
        if let Err(error) = self.replay(&saved) {
            self.environment.restore(&before);
            let error = plain(&error.to_string());
            return self.say(&format!("Not restored: the saved game does not fit: {error}\n"));
        }
        self.seed = saved.seed;
        self.actions = saved.actions.clone();
        self.saved = Some(saved);
        self.show()
    }

    fn replay(&mut self, saved: &SavedGame) -> Result<(), StepError> {
        self.environment.reset(saved.seed)?;
        saved.actions.iter().try_for_each(|action| self.environment.step(*action).map(drop))
    }

    /// Saves an unfinished game that somebody leaves, unless it is saved already.
    fn keep(&mut self) -> Outcome<Option<PathBuf>> {
        if self.environment.done() || self.actions.is_empty() {
            return Ok(None);
        }
        let now = SavedGame::new(&self.loaded, self.seed, &self.actions);
        let path = match self.save.clone().filter(|_| self.saved.as_ref() == Some(&now)) {
            Some(path) => path,
            None => self.write_save().map_err(|message| {
                Failure::failed(anyhow!(message)).while_trying("save the game")
            })?,
        };
        self.say(&format!("Saved in {}.\n", path.display()))?;
        Ok(Some(path))
    }

    /// Tells how the game went.
    fn close(&mut self) -> Outcome {
        let record = self.record()?;
        let game = &self.loaded.game;
        let mut text = format!(
            "{} of {} points, {} of {} achievements, {} steps\n",
            self.environment.points(),
            game.max_points,
            self.environment.unlocked().count(),
            game.achievements.len(),
            self.actions.len(),
        );
        for id in self.environment.unlocked() {
            if let Some(found) = game.achievement(id) {
                text += &self.page.line(&format!("* {} ({})", found.title, found.points));
            }
        }
        if let Some(harms) = record.outcome.run_trajectories.as_ref().and_then(harms) {
            let harms: Vec<String> = HARMS
                .iter()
                .zip(harms)
                .map(|((_, name), percent)| format!("{name} {percent:.0} %"))
                .collect();
            text += &format!("In percent of random play: {}\n", harms.join(", "));
        }
        self.say(&text)
    }

    /// The game played so far, step by step. What was undone is not part of it.
    fn record(&self) -> Outcome<EpisodeRecord> {
        let id = format!("{}-{:04}", AgentName::Human.id(), self.seed);
        let comparison = Comparison::new(&self.loaded);
        let coefficients = comparison.as_ref().map(Comparison::coefficients);
        let begun = Environment::new(self.loaded.game.clone()).map_err(StepError::from);
        let recorded = begun.and_then(|mut environment| {
            let mut policy = AgentName::Human.policy(self.actions.clone());
            let (seed, steps) = (self.seed, self.actions.len());
            record_episode(&mut environment, policy.as_mut(), &id, seed, steps, coefficients)
        });
        let mut record = recorded.map_err(|error| {
            Failure::failed(anyhow!(plain(&error.to_string()))).while_trying("record the game")
        })?;
        record.agent = AgentName::Human.id().to_owned();
        Ok(record)
    }

    fn write_transcript(&self, path: &Path) -> Outcome {
        let lines = lines(self.record()?).map_err(Failure::failed)?;
        write_whole(path, lines.as_bytes()).map_err(|error| {
            Failure::failed(error).while_trying(format!("write `{}`", path.display()))
        })
    }
}

/// Columns of text that are read well, and those that are left at least.
const MOST: usize = 80;
const LEAST: usize = 20;

/// ChoiceScript's marks for bold and slanted text, which a terminal need not show.
const MARKUP: [&str; 4] = ["[b]", "[/b]", "[i]", "[/i]"];

/// Wraps texts to the width of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    width: usize,
}

impl Page {
    /// A page as wide as the terminal, within reason.
    pub fn new() -> Self {
        let width = terminal_size().map_or(MOST, |(Width(columns), _)| usize::from(columns));
        Self { width: width.clamp(LEAST, MOST) }
    }

    /// Paragraphs, with an empty line behind each.
    pub fn paragraphs(self, text: &str) -> String {
        let text = readable(text);
        let paragraphs = text.lines().map(str::trim).filter(|line| !line.is_empty());
        paragraphs.map(|paragraph| self.wrapped(paragraph, "", "") + "\n").collect()
    }

    /// A text of its own.
    pub fn line(self, text: &str) -> String {
        self.wrapped(&readable(text), "", "  ")
    }

    /// A numbered option.
    pub fn option(self, number: usize, text: &str) -> String {
        let first = format!("{number:>3}) ");
        let rest = " ".repeat(first.len());
        self.wrapped(&readable(text).replace('\n', " "), &first, &rest)
    }

    /// Lines that are not wider than the page, unless a word is; the first begins with `first`, the
    /// others with `rest`.
    fn wrapped(self, text: &str, first: &str, rest: &str) -> String {
        let mut lines = String::new();
        let mut line = first.to_owned();
        let mut has_words = false;
        for word in text.split_whitespace() {
            if has_words && line.width() + 1 + word.width() > self.width {
                lines += &line;
                lines.push('\n');
                line = rest.to_owned();
                has_words = false;
            }
            if has_words {
                line.push(' ');
            }
            line += word;
            has_words = true;
        }
        lines + line.trim_end() + "\n"
    }
}

/// The text without what steers a terminal, and without markup.
fn readable(text: &str) -> String {
    let text = plain(text).replace("[n/]", "\n");
    MARKUP.iter().fold(text, |text, mark| text.replace(mark, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words() {
        let page = Page { width: 20 };
        let text = "The [i]well[/i] is very low today.\n\nNobody\u{1b}[2J drinks.";
        assert_eq!(page.paragraphs(text), "The well is very low\ntoday.\n\nNobody drinks.\n\n");
        assert_eq!(
            page.option(3, "Share all of the water."),
            "  3) Share all of\n     the water.\n"
        );
        // Wide characters take two columns.
        assert_eq!(page.paragraphs("水水水水水 水水水水水水"), "水水水水水\n水水水水水水\n\n");
        let long = "x".repeat(50);
        assert_eq!(page.paragraphs(&format!("a {long}")), format!("a\n{long}\n\n"));
        assert_eq!(page.paragraphs("one[n/]two"), "one\n\ntwo\n\n");
    }
}
