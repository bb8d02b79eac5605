//! Peak memory of scoring a row and of a training step, for `benchmarks/memory.sh`.
//!
//!     memory MODEL score|train|generate TOKENS
//!
//! Prints one line of JSON. Linux only: it reads `/proc/self/status`.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axia_engine::decoder::{Activations, Decoder};
use axia_engine::generate::{Request, Sampling, generate};
use axia_engine::kernels::CpuKernels;
use axia_engine::lora::{Adapter, Gradients, LoraSettings};
use axia_engine::score::{ScoreRow, score};
use axia_engine::train::{Batch, TrainRow};
use axia_engine::weights::ModelFiles;

/// Time between two looks at the memory.
const PERIOD: Duration = Duration::from_millis(20);
const RANK: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, job, tokens] = arguments.as_slice() else {
        return Err("usage: memory MODEL score|train|generate TOKENS".into());
    };
    let tokens: usize = tokens.parse()?;
    let (done, anonymous) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                anonymous.fetch_max(status("RssAnon"), Ordering::Relaxed);
                std::thread::sleep(PERIOD);
            }
        });
        let result = run(Path::new(model), job, tokens);
        done.store(true, Ordering::Relaxed);
        result
    })?;
    println!(
        "{{\"job\": {job:?}, \"tokens\": {tokens}, \"seconds\": {:.1}, \"peak_rss_mib\": {}, \
         \"peak_anonymous_mib\": {}}}",
        begun.elapsed().as_secs_f64(),
        status("VmHWM") >> 10,
        anonymous.load(Ordering::Relaxed) >> 10,
    );
    Ok(())
}

fn run(model: &Path, job: &str, tokens: usize) -> Result<(), Box<dyn Error>> {
    let files = ModelFiles::open(model)?;
    let config = files.config()?;
    let decoder = Decoder::load(CpuKernels::default(), config.clone(), &files.tensors(&config)?)?;
    let ids: Vec<u32> = (0..tokens).map(|i| ((i * 7919 + 13) % config.vocab_size) as u32).collect();
    match job {
        "score" => {
            let candidates = (0..6).map(|candidate| vec![candidate]).collect();
            let found =
                score(&decoder, None, &[ScoreRow { prompt: ids, candidates }], 2048, |_| true)?;
            eprintln!("{:?}", found.rows);
        }
        "train" => train(&decoder, &ids)?,
        "generate" => {
            let sampling = Sampling::GREEDY;
            let request = Request { prompt: ids, sampling, seed: 0, max_tokens: 4 };
            eprintln!("{:?}", generate(&decoder, &[request], |_| false)?);
        }
        other => return Err(format!("no job is called {other}").into()),
    }
    Ok(())
}

/// Loss and gradients of one row: an optimiser's step on top changes nothing that counts.
fn train(decoder: &Decoder<CpuKernels>, ids: &[u32]) -> Result<(), Box<dyn Error>> {
    let settings = LoraSettings { rank: RANK, ..LoraSettings::default() };
    let adapter = Adapter::fresh(decoder.kernels(), decoder.config(), &settings, 1);
    let (prompt, completion) = ids.split_at(ids.len() - 4);
    let row = TrainRow::completion(prompt.to_vec(), completion.to_vec(), 0);
    let batch = Batch::new(&[&row], decoder.config(), 2048);
    let mut gradients = Gradients::zeros(decoder.kernels(), &adapter);
    let mut memory = Activations::default();
    let found = batch.backward(decoder, &adapter, 1.0, &mut memory, &mut gradients)?;
    eprintln!("{found:?}");
    Ok(())
}

/// A field of `/proc/self/status` in KiB.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
