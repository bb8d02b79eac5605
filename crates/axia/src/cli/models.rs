//! `axia pull` and `axia models`.

use super::failure::Outcome;
use super::failure::{print, print_json};
use super::session::{Compute, Session};
use crate::models::{Settings, list};
use axia_engine::kernels::cuda::{DeviceInfo, Unusable, probe};
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
    table += &format!("\nDevices:\n{}", lines());
    print(table)
}

/// A line for the CPU, and one for each card or for why there is none.
pub fn lines() -> String {
    describe(&probe())
}

fn describe(cards: &Result<Vec<DeviceInfo>, Unusable>) -> String {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let mut lines = format!("cpu: {threads} threads\n");
    match cards {
        Ok(cards) => {
            for DeviceInfo { index, name, memory, capability } in cards {
                let gib = *memory as f64 / f64::from(1 << 30);
                lines += &format!(
                    "cuda:{index}: {name}, {gib:.0} GiB, compute capability {capability}\n"
                );
            }
        }
        Err(why) => lines += &format!("no cuda device: {why}\n"),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use axia_engine::kernels::cuda::Architecture;

    #[test]
    fn cards_and_their_absence_are_described() {
        let card = DeviceInfo {
            index: 1,
            name: "NVIDIA H200".to_owned(),
            memory: 139 << 30,
            capability: Architecture { major: 9, minor: 0 },
        };
        let found = describe(&Ok(vec![card]));
        assert!(
            found.ends_with("cuda:1: NVIDIA H200, 139 GiB, compute capability 9.0\n"),
            "{found}"
        );
        let none = describe(&Err(Unusable::NoDriver));
        assert!(none.contains("threads\nno cuda device: no NVIDIA driver is installed"), "{none}");
    }
}
