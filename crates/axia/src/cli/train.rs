//! `axia train`: LoRA fine-tuning on prompts and completions.

use super::failure::print;
use super::failure::{Failure, Outcome};
use super::rows::{Rows, TrainLine};
use super::session::{Compute, Memory, Session, Timing, bar, peak_memory_mib};
use crate::models::BaseName;
use anyhow::anyhow;
use axia_engine::adapter::LoraConfig;
use axia_engine::kernels::DeviceKernels;
use axia_engine::lora::{Adapter, LayerRange, LoraSettings};
use axia_engine::train::{
    Observer, Optimizer, Order, Schedule, Softmax, StepRecord, TrainData, TrainSettings, train,
};
use axia_engine::{EngineError, Model};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::json;
use std::path::PathBuf;

/// Fine-tune a LoRA adapter on prompts and completions
///
/// Rows are JSON lines {"prompt": …, "completion": …}, taken in file order, around and around;
/// token ids may stand in for texts (prompt_ids, completion_ids). A completion given as text gets
/// the end-of-sequence token. A row may teach a distribution over continuations instead:
/// {"prompt": …, "candidates": ["1", "2"], "weights": [0.25, 0.75]} (or candidates_ids). Prints one
/// JSON object with the loss of every step, peak memory, and the speed of all steps but the first.
///
/// Example: axia train --rows rows.jsonl --batch 108 --steps 8 --rank 64 --save adapter
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Model: a folder, a .gguf file, a known name or a hub id
    #[arg(long, default_value = super::DEFAULT_MODEL)]
    model: String,
    /// JSON lines to learn
    #[arg(long)]
    rows: PathBuf,
    /// Rows per step
    #[arg(long, default_value_t = 27)]
    batch: usize,
    /// Steps to take
    #[arg(long, default_value_t = 8)]
    steps: usize,
    /// LoRA rank
    #[arg(long, default_value_t = 64)]
    rank: usize,
    /// LoRA alpha
    #[arg(long, default_value_t = 128.0, allow_negative_numbers = true)]
    alpha: f64,
    /// Layers that are adapted, the first of them 0; by default all
    #[arg(long, value_name = "FIRST-LAST", conflicts_with = "init")]
    layers: Option<LayerRange>,
    /// Learning rate, constant
    #[arg(long, default_value_t = 1e-4, allow_negative_numbers = true)]
    lr: f64,
    /// Decoupled weight decay
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    weight_decay: f64,
    /// What the weights of candidates are a share of: the whole vocabulary, or the candidates alone
    #[arg(long, value_enum, default_value = "vocabulary")]
    softmax: SoftmaxName,
    /// PEFT adapter to go on from
    #[arg(long)]
    init: Option<PathBuf>,
    /// Where the adapter goes, as a PEFT folder
    #[arg(long)]
    save: Option<PathBuf>,
    /// Seed of a fresh adapter
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Arithmetic: float32
    #[arg(long, default_value = "float32", value_parser = ["float32"])]
    dtype: String,
    /// Compute blocks a second time on the way back instead of keeping what they found: slower, in
    /// less memory, with the same result
    #[arg(long, help_heading = "Computation")]
    recompute: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    memory: Memory,
    #[command(flatten)]
    timing: Timing,
}

/// What the weights of candidates are a share of.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SoftmaxName {
    /// Training also draws probability from all other continuations to the candidates
    Vocabulary,
    /// How much probability the candidates have together is left as it is
    Candidates,
}

impl From<SoftmaxName> for Softmax {
    fn from(name: SoftmaxName) -> Self {
        match name {
            SoftmaxName::Vocabulary => Self::Vocabulary,
            SoftmaxName::Candidates => Self::Candidates,
        }
    }
}

struct Follow<'a> {
    session: &'a Session,
    bar: ProgressBar,
}

impl Observer for Follow<'_> {
    fn step(&mut self, record: &StepRecord) {
        self.bar.set_message(format!("loss {:.4}", record.loss));
        self.bar.set_position(record.step as u64);
    }

    fn cancelled(&self) -> bool {
        self.session.cancelled()
    }
}

/// Runs the command.
pub fn run(args: TrainArgs) -> Outcome {
    let session = Session::start(&args.compute)?;
    let counts = [("--rank", args.rank), ("--batch", args.batch), ("--steps", args.steps)];
    if let Some((flag, _)) = counts.iter().find(|(_, count)| *count == 0) {
        return Err(Failure::input(anyhow!("{flag} must be at least 1")));
    }
    let lines: Rows<TrainLine> = Rows::read(&args.rows, 0)?;
    let model = session.open_model_for_ids(&args.model)?;
    let (adapter, lora) = first_adapter(&args, &model)?;
    let end = model.eos_id();
    let rows = lines.convert(|line| line.tokenize(model.tokenizer(), end, args.softmax.into()))?;
    let total = args.steps * args.batch;
    let data = TrainData {
        train: rows.iter().cycle().take(total).cloned().collect(),
        ..TrainData::default()
    };
    let settings = TrainSettings {
        batch_rows: args.batch,
        optimizer: Optimizer {
            lr: args.lr,
            weight_decay: args.weight_decay,
            ..Optimizer::default()
        },
        schedule: Schedule::Constant,
        warmup: 0.0,
        order: Order::File,
        max_tokens: args.memory.max_tokens_per_step,
        recompute: args.recompute,
        ..TrainSettings::default()
    };
    let bar = bar("training", args.steps as u64, "steps");
    let mut follow = Follow { session: &session, bar };
    args.timing.begin(&model)?;
    let trained = train(model.decoder(), adapter, &data, &settings, None, &mut follow)
        .map_err(|e| lines.locate(e))?;
    follow.bar.finish_and_clear();
    if let Some(folder) = &args.save {
        let card = format!(
            "---\nbase_model: {base:?}\nlibrary_name: peft\ntags:\n- lora\n- axia\n---\n\n\
             # LoRA adapter\n\nTrained by axia on `{base}`.\n",
            base = lora.base_model.as_deref().unwrap_or(&args.model)
        );
        let kernels = model.decoder().kernels();
        let peft = trained.adapter.to_peft(kernels, model.decoder().config(), lora);
        peft.write(folder, &card).map_err(EngineError::from)?;
    }
    let steps = &trained.history.steps;
    // The first step also reads the model's pages from disk.
    let timed = if steps.len() > 1 { &steps[1..] } else { steps };
    let seconds: f64 = timed.iter().map(|s| s.seconds).sum();
    let sum = |count: fn(&StepRecord) -> usize| timed.iter().map(count).sum::<usize>();
    let losses: Vec<f64> = steps.iter().map(|s| (s.loss * 1e6).round() / 1e6).collect();
    let mut result = json!({
        "rows_per_s": sum(|s| s.rows) as f64 / seconds,
        "tokens_per_s": sum(|s| s.tokens) as f64 / seconds,
        "seconds": seconds,
        "peak_rss_mib": peak_memory_mib(),
        "losses": losses,
        "unique_tokens": sum(|s| s.unique_tokens),
    });
    args.timing.tell(&model, &mut result);
    print(format!("{result}\n"))
}

fn first_adapter(args: &TrainArgs, model: &Model) -> Outcome<(Adapter<DeviceKernels>, LoraConfig)> {
    let decoder = model.decoder();
    if let Some(folder) = &args.init {
        let peft = axia_engine::adapter::Adapter::read(folder).map_err(EngineError::from)?;
        return Ok((model.read_adapter(folder)?, peft.config));
    }
    let settings = LoraSettings {
        rank: args.rank,
        alpha: args.alpha,
        layers: args.layers,
        ..LoraSettings::default()
    };
    settings.check(decoder.config())?;
    let adapter = Adapter::fresh(decoder.kernels(), decoder.config(), &settings, args.seed);
    let base = BaseName::of(&args.model);
    let lora =
        LoraConfig { base_model: Some(base.name), revision: base.revision, ..settings.to_peft() };
    Ok((adapter, lora))
}
