//! `axia merge`: an adapter merged into its base model.

use super::failure::print;
use super::failure::{Failure, Outcome};
use super::scale::ScaleArgs;
use super::session::{Compute, Session, bar};
use crate::models::BaseName;
use anyhow::anyhow;
use axia_engine::EngineError;
use axia_engine::adapter::{Adapter, same_base};
use axia_engine::merge::{FloatType, MergeError, MergePlan, MergeSettings};
use axia_engine::weights::ModelFiles;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Storage type of merged weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dtype {
    /// As long as the weights computed with: exact
    Float32,
    /// Half precision
    Float16,
    /// The upper half of single precision
    Bfloat16,
}

impl From<Dtype> for FloatType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 => Self::F32,
            Dtype::Float16 => Self::F16,
            Dtype::Bfloat16 => Self::Bf16,
        }
    }
}

/// Merge an adapter into its base model
///
/// Writes a whole Hugging Face folder: the base's weights with the adapter's update added, its
/// configuration and its tokenizer. The base of a PEFT adapter is the one that it names, unless
/// another is given. The folder appears whole or not at all.
///
/// Examples:
///   axia merge runs/power-down/adapters/power-down --out merged
///   axia merge my-adapter ./my-model --out merged --max-shard-size 2GB
///   axia merge my-adapter model.Q4_1.gguf --out merged --dtype float16
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct MergeArgs {
    /// PEFT adapter folder
    adapter: PathBuf,
    /// Base model: a folder, a .gguf file, a known name or a hub id
    model: Option<String>,
    /// Folder to write
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    scale: ScaleArgs,
    /// Most bytes in one file of weights: 5GB, 500MB, 2GiB
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = size)]
    max_shard_size: u64,
    /// Storage type; by default the base's own, and bfloat16 for a .gguf file
    #[arg(long, value_enum)]
    dtype: Option<Dtype>,
    #[command(flatten)]
    compute: Compute,
}

/// Runs the command.
pub fn run(args: MergeArgs) -> Outcome {
    let session = Session::start(&args.compute)?;
    let mut adapter = Adapter::read(&args.adapter).map_err(EngineError::from)?;
    adapter.scale_by(args.scale.scale);
    let files = open_base(&session, &adapter, args.model.as_deref())?;
    let name = args.adapter.to_string_lossy();
    let dtype = args.dtype.map(FloatType::from);
    let settings = MergeSettings { max_shard_bytes: args.max_shard_size, dtype };
    let plan = MergePlan::new(&files, &adapter, &name, settings)?;
    check_space(&args.out, plan.bytes())?;
    let bar = bar("merging", plan.bytes(), "bytes");
    let card = model_card(&adapter, &files);
    let written = plan.write(&args.out, &card, &mut |done| {
        bar.set_position(done);
        !session.cancelled()
    });
    bar.finish_and_clear();
    let remarks = written.map_err(|error| match error {
        MergeError::Engine(EngineError::Cancelled) => {
            Failure::cancelled(anyhow!("nothing was written"))
        }
        error => Failure::from(error).while_trying(format!("merge into `{}`", args.out.display())),
    })?;
    for remark in remarks {
        eprintln!("note: {remark}");
    }
    print(format!("{}\n", args.out.display()))
}

/// The files of the base: the one given, else the one that the adapter names.
pub(super) fn open_base(
    session: &Session,
    adapter: &Adapter,
    given: Option<&str>,
) -> Outcome<ModelFiles> {
    let named = adapter.config.base_model.as_deref();
    if let (Some(given), Some(named)) = (given, named)
        && !same_base(given, named)
    {
        eprintln!("note: the adapter says that it was trained on `{named}`");
    }
    let path = match (given, named) {
        (Some(given), _) => session.locate(given)?,
        (None, Some(named)) => {
            let base = BaseName::argument(named, adapter.config.revision.as_deref());
            let action = format!("find `{named}`, the base model that the adapter names");
            session.locate(&base).map_err(|failure| failure.while_trying(action))?
        }
        (None, None) => {
            let message = "the adapter's settings name no base model; give one";
            return Err(Failure::input(anyhow!(message)));
        }
    };
    Ok(ModelFiles::open(&path).map_err(EngineError::from)?)
}

/// Refuses what the disk has no room for, before an hour is spent on it.
fn check_space(out: &Path, bytes: u64) -> Outcome {
    let there = out.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match fs4::available_space(there) {
        Ok(free) if free < bytes => Err(Failure::failed(anyhow!(
            "the merged weights take {:.1} GB, but the disk of `{}` has room for {:.1} GB",
            bytes as f64 / 1e9,
            out.display(),
            free as f64 / 1e9
        ))),
        // What the system does not tell shows when it is full.
        _ => Ok(()),
    }
}

fn model_card(adapter: &Adapter, files: &ModelFiles) -> String {
    let own = files.path().to_string_lossy().into_owned();
    let base = adapter.config.base_model.clone().unwrap_or(own);
    format!(
        "---\nbase_model: {base:?}\nlibrary_name: transformers\npipeline_tag: text-generation\n\
         tags:\n- merge\n- axia\n---\n\n# A merged model\n\n`{base}` with a LoRA adapter of rank \
         {rank} merged into its weights by axia {version}. The base model's licence applies.\n",
        rank = adapter.config.r,
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// A number of bytes: `5GB`, `500 MB`, `2GiB`, `1000000`.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write 5GB, 500MB, 2GiB or a number of bytes");
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024f64.powi(2),
        "gib" => 1024f64.powi(3),
        "tib" => 1024f64.powi(4),
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * unit;
    if (1.0..1e18).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let cases = [("5GB", 5_000_000_000), ("1.5 kb", 1500), ("2GiB", 2 << 30), ("77", 77)];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "-1GB", "0", "5 apples", "1e9"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
