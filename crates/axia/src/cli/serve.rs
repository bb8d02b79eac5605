//! `axia serve`: respondents as an OpenAI-compatible server.

use super::failure::print;
use super::failure::{Failure, Outcome};
use super::scale::ScaleArgs;
use super::session::{Compute, Session};
use crate::results;
use crate::run::Role;
use crate::serve::{AccessKey, Members, ServeError, ServeSettings, Server};
use crate::study::FinishedRun;
use crate::study::summary::RunSummary;
use anyhow::anyhow;
use axia_engine::decoder::tokens_to_keep;
use clap::Args;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Serve models as an OpenAI-compatible server
///
/// The model and each of its adapters answer under a name of their own: `smollm2-135m-instruct`,
/// `smollm2-135m-instruct:control`, …. Answers to /v1/completions and /v1/chat/completions,
/// streamed or not; completions with `echo` and `logprobs` give the log-likelihood of every token
/// of the prompt, as lm-evaluation-harness (local-completions) needs it. Also /v1/models,
/// /tokenize, /detokenize, /tokenizer_info and /health. The address is printed when it is ready.
///
/// Requests that arrive together are computed together. Only this machine can ask, unless --host
/// says otherwise; then requests must bring the key in the variable that --api-key-env names.
///
/// Examples:
///   axia serve
///   axia serve --run runs/power-down
///   axia serve ./my-model --adapter mine=./my-adapter --port 9000
///   AXIA_API_KEY=… axia serve --host 0.0.0.0 --api-key-env AXIA_API_KEY
///   curl http://127.0.0.1:8017/v1/completions -H 'Content-Type: application/json' \
///     -d '{"prompt": "Power is", "max_tokens": 0, "echo": true, "logprobs": 1}'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ServeArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id; by default that of the run
    model: Option<String>,
    /// Serve the PEFT adapter in DIR as well; may be repeated
    #[arg(long, value_name = "NAME=DIR", value_parser = named_folder)]
    adapter: Vec<(String, PathBuf)>,
    /// Serve all adapters of a finished run
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    #[command(flatten)]
    scale: ScaleArgs,
    /// Address to listen at
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen at; 0 for any that is free
    #[arg(long, default_value_t = 8017)]
    port: u16,
    /// Environment variable that holds the key clients must send
    #[arg(long, value_name = "VAR")]
    api_key_env: Option<String>,
    /// Most requests at once, waiting ones included; more are told to come back (429)
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least_one)]
    queue: usize,
    /// Seconds that a client may take to send a request, or to take a piece of the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    client_timeout: u64,
    /// Longest body of a request in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20, value_parser = at_least_one)]
    max_body: usize,
    /// Most tokens of a chat's reply where the request does not say
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = at_least_one)]
    reply_tokens: usize,
    /// Most tokens of prompts and replies kept in memory at once; fewer where a card has no room
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = at_least_one)]
    cache_tokens: usize,
    /// Milliseconds that a request waits for others to be computed with
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=10_000))]
    window: u64,
    #[command(flatten)]
    compute: Compute,
}

fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(folder)))
        }
        _ => Err("write NAME=DIR".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it must be a whole number".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: ServeArgs) -> Outcome {
    let address = address(&args.host, args.port)?;
    let mut settings = ServeSettings {
        max_body: args.max_body,
        queue: args.queue,
        // Idle connections are to leave room for those that ask.
        connections: args.queue.saturating_mul(4),
        patience: Duration::from_secs(args.client_timeout),
        window: Duration::from_millis(args.window),
        reply_tokens: args.reply_tokens,
        cache_tokens: args.cache_tokens,
        key: args.api_key_env.as_deref().map(key).transpose()?,
        ..ServeSettings::default()
    };
    if !address.ip().is_loopback() && settings.key.is_none() {
        return Err(Failure::input(anyhow!(
            "--host {} can be reached from other machines; say with --api-key-env which \
             environment variable holds the key that clients must send",
            args.host
        )));
    }
    if args.scale.scale != 1.0 && args.run.is_none() && args.adapter.is_empty() {
        let message = "--scale turns adapters; serve some with --run or --adapter";
        return Err(Failure::input(anyhow!(message)));
    }
    let session = Session::start(&args.compute)?;
    let members = members(&args, &session)?;
    settings.cache_tokens = settings.cache_tokens.min(tokens_to_keep(members.model().decoder()));
    let server = Server::bind(members, settings, address)?;
    print(format!("http://{}/v1\n", server.address()))?;
    eprintln!("serving {}; Ctrl-C stops", server.models().join(", "));
    server.run(|| session.cancelled())?;
    Ok(())
}

/// The model and the adapters asked for.
fn members(args: &ServeArgs, session: &Session) -> Outcome<Members> {
    let summary: Option<RunSummary> = args.run.as_deref().map(results::read).transpose()?;
    let of_run = summary.as_ref().map(|summary| summary.model.name.as_str());
    let name = args.model.as_deref().or(of_run).unwrap_or(super::DEFAULT_MODEL);
    let model = session.open_model(name)?;
    if let (Some(dir), Some(summary)) = (&args.run, &summary) {
        FinishedRun::check_model(dir, summary, &model)?;
    }
    let mut members = Members::new(model, short_name(name));
    if let (Some(dir), Some(summary)) = (&args.run, &summary) {
        for respondent in summary.respondents.iter().filter(|r| r.role != Role::Base) {
            let folder = dir.join("adapters").join(&respondent.name);
            add(&mut members, &respondent.name, &folder, args.scale)?;
        }
    }
    for (name, folder) in &args.adapter {
        add(&mut members, name, folder, args.scale)?;
    }
    Ok(members)
}

fn add(
    members: &mut Members,
    name: &str,
    folder: &Path,
    ScaleArgs { scale }: ScaleArgs,
) -> Outcome {
    let adapter = members.model().read_adapter(folder)?.scaled(scale as f32);
    Ok(members.add(name, adapter)?)
}

/// What clients call a model: the last part of its path or hub id, without its ending.
fn short_name(argument: &str) -> String {
    let last = argument.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
    let last = last.filter(|last| !matches!(*last, "" | "." | "..")).unwrap_or("model");
    last.strip_suffix(".gguf").unwrap_or(last).to_owned()
}

fn address(host: &str, port: u16) -> Outcome<SocketAddr> {
    let wrong = |problem: String| Failure::input(anyhow!("--host {host}: {problem}"));
    let mut found = (host, port).to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("it has no address".to_owned()))
}

fn key(variable: &str) -> Outcome<AccessKey> {
    let text = std::env::var(variable).unwrap_or_default();
    AccessKey::new(&text).ok_or_else(|| {
        Failure::input(anyhow!(
            "--api-key-env {variable}: the variable is empty or unset, or holds more than letters, \
             digits and signs"
        ))
    })
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Open(_) | ServeError::Name { .. } => Self::input(error),
            _ => Self::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_short_names() {
        for (argument, expected) in [
            ("smollm2-135m-instruct", "smollm2-135m-instruct"),
            ("org/Name-1B", "Name-1B"),
            ("/data/my-model/", "my-model"),
            ("models/SmolLM2-135M.Q4_1.gguf", "SmolLM2-135M.Q4_1"),
            ("..", "model"),
        ] {
            assert_eq!(short_name(argument), expected);
        }
    }

    #[test]
    fn adapters_have_a_name_and_a_folder() {
        assert_eq!(named_folder("a=b=c").unwrap(), ("a".to_owned(), PathBuf::from("b=c")));
        for wrong in ["a", "=b", "a="] {
            assert!(named_folder(wrong).is_err());
        }
    }
}
