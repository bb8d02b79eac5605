//! Arguments about a model behind a server, and its connection.

use super::failure::{Failure, Outcome};
use super::session::Session;
use crate::remote::{Address, ApiKey, Client, ClientSettings};
use crate::respondent::{
    Account, AnswerCache, MethodChoice, RespondentError, Served, ServedError, ServedSettings, Shape,
};
use crate::run::StudyError;
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Where the key of a respondent's server is.
const KEY: &str = "AXIA_RESPONDENT_KEY";
/// Prompts come back token by token.
const LONGEST_ANSWER: usize = 16 << 20;
/// Where answers are kept in the folder of a run.
const ANSWERS: &str = "answers";

/// How candidates are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScoringName {
    /// The best way that the server can be relied on for
    Best,
    /// Log-probabilities of the candidates' own tokens (echo, prompt_logprobs)
    PromptLogprobs,
    /// The likeliest first tokens of the answer (top_logprobs)
    FirstToken,
    /// Counting among sampled answers
    Samples,
}

/// A model behind an OpenAI-compatible server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Served model")]
pub struct RespondentArgs {
    /// Ask a model of this OpenAI-compatible server (vLLM, SGLang, llama.cpp, Ollama, hosted) instead
    /// of one on this machine; its key is read from AXIA_RESPONDENT_KEY
    #[arg(long, value_name = "URL", requires = "served_model")]
    respondent: Option<Address>,
    /// The model's name there
    #[arg(long, value_name = "NAME", requires = "respondent")]
    served_model: Option<String>,
    /// How candidates are scored there
    #[arg(long, value_enum, default_value = "best", requires = "respondent")]
    scoring: ScoringName,
    /// Answers drawn for each question, where they are counted
    #[arg(long, value_name = "N", default_value_t = 20, requires = "respondent")]
    samples: usize,
    /// Questions under way at once
    #[arg(long, value_name = "N", default_value_t = 8, requires = "respondent")]
    concurrency: usize,
    /// Most requests a minute, such as 60 or 60/min
    #[arg(long, value_name = "N/min", requires = "respondent")]
    rate: Option<Rate>,
    /// Longest time to wait for one answer [default: 600, and 300 of silence]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=1_000_000), requires = "respondent")]
    answer_timeout: Option<u64>,
    /// Folder in which answers are kept, so that nothing is asked twice [default: answers in --out]
    #[arg(long, value_name = "DIR", requires = "respondent")]
    answer_cache: Option<PathBuf>,
}

/// The usual limits of a client, but for the seconds that one answer may take.
pub fn client_settings(answer_timeout: Option<u64>) -> ClientSettings {
    let settings = ClientSettings::default();
    match answer_timeout {
        Some(seconds) => settings.with_answers_within(Duration::from_secs(seconds)),
        None => settings,
    }
}

impl RespondentArgs {
    /// Whether a served model is meant.
    pub fn given(&self) -> bool {
        self.respondent.is_some()
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        self.served_model.as_deref().unwrap_or_default()
    }

    /// What decides the answers, for a run's manifest.
    pub fn manifest(&self) -> Json {
        let scoring = self.scoring.to_possible_value();
        json!({
            "url": self.respondent.as_ref().map(ToString::to_string),
            "model": self.served_model,
            "scoring": scoring.map(|name| name.get_name().to_owned()),
            "samples": self.samples,
        })
    }

    /// The model, asked in prompts of this shape; what its server was found to do is said on
    /// standard error. Answers are kept in `folder` unless arguments say where.
    pub fn connect(
        &self,
        shape: Shape,
        folder: Option<&Path>,
        session: &Session,
    ) -> Outcome<Served> {
        let found = self.probe(shape, folder, session)?;
        found.map_err(|error| StudyError::from(RespondentError::from(error)).into())
    }

    /// The same in chats, or in plain text where the server takes no chats.
    pub fn connect_in_chats(&self, folder: Option<&Path>, session: &Session) -> Outcome<Served> {
        match self.probe(Shape::Chat, folder, session)? {
            Err(ServedError::NoEndpoint { .. }) => self.connect(Shape::Plain, folder, session),
            found => found.map_err(|error| StudyError::from(RespondentError::from(error)).into()),
        }
    }

    fn probe(
        &self,
        shape: Shape,
        folder: Option<&Path>,
        session: &Session,
    ) -> Outcome<Result<Served, ServedError>> {
        let Some(address) = self.respondent.clone() else {
            return Err(Failure::input(anyhow!("--respondent URL says which server to ask")));
        };
        for (flag, count) in [("--samples", self.samples), ("--concurrency", self.concurrency)] {
            if count == 0 {
                return Err(Failure::input(anyhow!("{flag} must be at least 1")));
            }
        }
        let key = ApiKey::for_server(KEY, &address).map_err(Failure::input)?;
        let settings = ClientSettings {
            longest_answer: LONGEST_ANSWER,
            per_minute: self.rate.map(Rate::per_minute),
            ..client_settings(self.answer_timeout)
        };
        let client = Client::new(address, key, settings).with_notes(|note| eprintln!("{note}"));
        let answers = folder.map(|folder| folder.join(ANSWERS));
        let cache = match self.answer_cache.clone().or(answers) {
            Some(folder) => AnswerCache::open(&folder).map_err(Failure::failed)?,
            None => AnswerCache::in_memory(),
        };
        let settings = ServedSettings {
            shape,
            method: match self.scoring {
                ScoringName::Best => MethodChoice::Best,
                ScoringName::PromptLogprobs => MethodChoice::PromptLogprobs,
                ScoringName::FirstToken => MethodChoice::FirstToken,
                ScoringName::Samples => MethodChoice::Samples,
            },
            samples: self.samples,
            workers: self.concurrency,
        };
        eprintln!("probing {}", self.name());
        let served = Served::connect(client, self.name(), cache, settings, session.cancel());
        if let Ok(served) = &served {
            let account = served.account();
            for probe in &account.probes {
                eprintln!("  {}", probe.line());
            }
            eprintln!("  scoring by {}", account.scoring.describe());
        }
        Ok(served)
    }
}

/// A result with how it was obtained.
pub fn with_account(result: &impl serde::Serialize, account: &Account) -> Outcome<Json> {
    let mut result = serde_json::to_value(result).map_err(Failure::failed)?;
    result["respondent"] = serde_json::to_value(account).map_err(Failure::failed)?;
    Ok(result)
}

/// Requests a minute.
#[derive(Debug, Clone, Copy)]
pub struct Rate(u32);

impl Rate {
    /// Their number, at least 1.
    pub const fn per_minute(self) -> u32 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim().trim_end_matches("/min").trim_end().parse();
        match number {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(anyhow!("expected requests a minute such as 60 or 60/min, at least 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for text in ["60", "60/min", " 60 /min"] {
            assert_eq!(text.parse::<Rate>().unwrap().per_minute(), 60);
        }
        for text in ["0", "-1", "60/s", "x", ""] {
            assert!(text.parse::<Rate>().unwrap_err().to_string().contains("60/min"), "{text}");
        }
    }
}
