//! `axia pull` and `axia models`.

use super::devices;
use super::failure::Outcome;
use super::session::{Compute, Session};
use super::stdout::{print, print_json};
use crate::models::{Settings, list};
use clap::Args;

/// Get a model, so that it is at hand later
///
/// Examples:
///   axia pull
///   axia pull qwen2.5-coder-1.5b-instruct
///   axia pull HuggingFaceTB/SmolLM2-360M-Instruct
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct PullArgs {
    /// A known name or a hub id
    #[arg(default_value = super::DEFAULT_MODEL)]
    model: String,
}

/// List the models that axia knows by name, and the devices that they can run on
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `axia pull`.
pub fn pull(args: PullArgs) -> Outcome {
    let session = Session::start(&Compute::default())?;
    print(format!("{}\n", session.fetch(&args.model)?.display()))
}

/// Runs `axia models`.
pub fn models(args: ModelsArgs) -> Outcome {
    let models = list(&Settings::from_env()?);
    if args.json {
        return print_json(&models);
    }
    let mut table = format!(
        "{:26} {:>8} {:>13} {:>9}  {:12} in cache\n",
        "name", "weights", "stored as", "size", "licence"
    );
    for model in models {
        table += &format!(
            "{:26} {:>7}M {:>13} {:>6} MB  {:12} {}\n",
            model.name,
            model.parameters / 1_000_000,
            model.quantisation,
            model.bytes / 1_000_000,
            model.licence,
            if model.present { model.path.display().to_string() } else { "no".to_owned() }
        );
    }
    table += "\nA model may also be a folder, a .gguf file, or a hub id such as org/name,\nor org/name:Q4_K_M where the repository holds GGUF files.\n";
    table += &format!("\nDevices:\n{}", devices::lines());
    print(table)
}
