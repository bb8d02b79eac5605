//! `axia export`: adapters and runs in the formats of other programs.

use super::failure::print;
use super::failure::{Failure, Outcome};
use super::merge::open_base;
use super::scale::ScaleArgs;
use super::session::{Compute, Session};
use crate::export::{RunAnswers, inspect, lm_eval_results};
use crate::files::write_whole;
use crate::results;
use anyhow::anyhow;
use axia_engine::EngineError;
use axia_engine::adapter::Adapter;
use clap::Args;
use std::path::{Path, PathBuf};

/// Write an adapter or a run for other programs
///
/// --gguf writes a PEFT adapter as a LoRA file that llama.cpp loads beside its base model in GGUF
/// (llama-cli -m base.gguf --lora adapter.gguf). --inspect writes every answer of a run as logs for
/// inspect_ai (inspect view --log-dir DIR), --lm-eval its results as a file in the style of
/// lm-evaluation-harness.
///
/// Examples:
///   axia export runs/power-down/adapters/power-down --gguf power-down.gguf
///   axia export my-adapter --gguf my-adapter.gguf --base ./my-model
///   axia export runs/power-down --inspect logs --lm-eval results.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, group(clap::ArgGroup::new("format").required(true).multiple(true)))]
pub struct ExportArgs {
    /// PEFT adapter folder, or folder of a run
    source: PathBuf,
    /// LoRA file for llama.cpp to write, of an adapter
    #[arg(long, value_name = "FILE", group = "format", conflicts_with_all = ["inspect", "lm_eval"])]
    gguf: Option<PathBuf>,
    /// Base model of the adapter, if it is not the one that it names
    #[arg(long, value_name = "MODEL", requires = "gguf")]
    base: Option<String>,
    #[command(flatten)]
    scale: ScaleArgs,
    /// Folder for logs for inspect_ai, of a run
    #[arg(long, value_name = "DIR", group = "format")]
    inspect: Option<PathBuf>,
    /// Results file in the style of lm-evaluation-harness to write, of a run
    #[arg(long, value_name = "FILE", group = "format")]
    lm_eval: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
}

/// Runs the command.
pub fn run(args: ExportArgs) -> Outcome {
    let session = Session::start(&args.compute)?;
    if let Some(file) = &args.gguf {
        return write_gguf(&session, &args, file);
    }
    if args.scale.scale != 1.0 {
        let message = "--scale has a meaning with --gguf alone: a run's answers are what they are";
        return Err(Failure::input(anyhow!(message)));
    }
    let run = RunAnswers::open(&args.source, results::read(&args.source)?)?;
    if let Some(folder) = &args.inspect {
        for path in inspect::write_logs(&run, folder)? {
            print(format!("{}\n", path.display()))?;
        }
    }
    if let Some(file) = &args.lm_eval {
        write(file, format!("{:#}\n", lm_eval_results(&run.summary)).as_bytes())?;
    }
    Ok(())
}

fn write_gguf(session: &Session, args: &ExportArgs, file: &Path) -> Outcome {
    let source = &args.source;
    let mut adapter = Adapter::read(source).map_err(EngineError::from)?;
    adapter.scale_by(args.scale.scale);
    let files = open_base(session, &adapter, args.base.as_deref())?;
    let config = files.config().map_err(EngineError::from)?;
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "adapter".to_owned());
    let model = files.path().to_string_lossy().into_owned();
    let bytes = adapter.to_gguf(&config, (&name, &model)).map_err(EngineError::from)?.to_bytes();
    write(file, &bytes)
}

/// Writes a file, whole or not at all, and prints its path.
fn write(file: &Path, bytes: &[u8]) -> Outcome {
    write_whole(file, bytes)
        .map_err(|e| Failure::failed(e).while_trying(format!("write `{}`", file.display())))?;
    print(format!("{}\n", file.display()))
}
