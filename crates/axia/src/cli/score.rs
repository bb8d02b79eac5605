//! `axia score`: log-likelihoods of candidate continuations.

use super::failure::print;
use super::failure::{Failure, Outcome};
use super::rows::{Rows, ScoreLine};
use super::session::{Compute, Memory, Session, Timing, bar, peak_memory_mib};
use axia_engine::decoder::Keep;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Score candidate continuations of prompts
///
/// Rows are JSON lines {"prompt": …, "candidates": [ … ]}; token ids may stand in for texts
/// (prompt_ids, candidates_ids). Prints one JSON object with speed and memory; --out FILE
/// receives the scores, one line per row.
///
/// Example: axia score --model smollm2-135m-instruct --rows rows.jsonl --out scores.jsonl
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id
    #[arg(long, default_value = super::DEFAULT_MODEL)]
    model: String,
    /// JSON lines to score
    #[arg(long)]
    rows: PathBuf,
    /// PEFT adapter to apply
    #[arg(long)]
    adapter: Option<PathBuf>,
    /// Only the first N rows; 0 for all
    #[arg(long, default_value_t = 0)]
    limit: usize,
    /// Arithmetic: float32
    #[arg(long, default_value = "float32", value_parser = ["float32"])]
    dtype: String,
    /// Where the scores go
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the command.
pub fn run(args: ScoreArgs) -> Outcome {
    let session = Session::start(&args.compute)?;
    let lines: Rows<ScoreLine> = Rows::read(&args.rows, args.limit)?;
    let model = session.open_model_for_ids(&args.model)?;
    let adapter = args.adapter.as_deref().map(|a| model.read_adapter(a)).transpose()?;
    let rows = lines.convert(|line| line.tokenize(model.tokenizer()))?;
    let bar = bar("scoring", rows.len() as u64, "rows");
    let started = Instant::now();
    let most = args.memory.max_tokens_per_step.resolve(model.decoder(), Keep::Nothing);
    args.timing.begin(&model)?;
    let scores =
        axia_engine::score::score(model.decoder(), adapter.as_ref(), &rows, most.max(1), |done| {
            bar.set_position(done as u64);
            !session.cancelled()
        })
        .map_err(|e| lines.locate(e))?;
    let seconds = started.elapsed().as_secs_f64();
    bar.finish_and_clear();
    if let Some(path) = &args.out {
        let write = || -> std::io::Result<()> {
            let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
            for (line, scores) in lines.iter().zip(&scores.rows) {
                writeln!(out, "{}", json!({"id": line.id, "scores": scores}))?;
            }
            out.flush()
        };
        write()
            .map_err(|e| Failure::failed(e).while_trying(format!("write `{}`", path.display())))?;
    }
    let mut result = json!({
        "rows_per_s": rows.len() as f64 / seconds,
        "seconds": seconds,
        "peak_rss_mib": peak_memory_mib(),
        "unique_tokens": scores.unique_tokens,
    });
    args.timing.tell(&model, &mut result);
    print(format!("{result}\n"))
}
