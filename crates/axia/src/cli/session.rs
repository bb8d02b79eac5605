//! What every command shares: threads, cancellation, progress, and opening models.

use super::failure::{Failure, Outcome};
use crate::models::{self, Settings, Watch};
use axia_engine::Model;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where and how to compute.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Computation")]
pub struct Compute {
    /// Threads to use; by default all cores
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Device: auto, cpu or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// One running command.
pub struct Session {
    cancel: Arc<AtomicBool>,
}

impl Session {
    /// Prepares threads and catches Ctrl-C: the first one asks the work to stop and save, the
    /// second ends the program at once.
    pub fn start(compute: &Compute) -> Outcome<Self> {
        match compute.device.as_str() {
            "auto" | "cpu" => {}
            other if other.starts_with("cuda") => {
                let message = "--device {other}: this build computes on the CPU alone; use cpu";
                return Err(Failure::input(anyhow::anyhow!(message.replace("{other}", other))));
            }
            other => {
                let message = format!("--device {other}: use auto, cpu or cuda:N");
                return Err(Failure::input(anyhow::anyhow!(message)));
            }
        }
        if compute.threads == Some(0) {
            return Err(Failure::input(anyhow::anyhow!("--threads must be at least 1")));
        }
        let threads = compute.threads.unwrap_or(0);
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(Failure::failed)?;
        let cancel = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancel);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; press Ctrl-C again to stop at once");
        })
        .map_err(Failure::failed)?;
        Ok(Self { cancel })
    }

    /// Whether the user asked to stop.
    pub fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Finds the model that `argument` means, fetching it if need be.
    pub fn locate(&self, argument: &str) -> Outcome<PathBuf> {
        let settings = Settings::from_env()?;
        let mut bars = DownloadBars::default();
        let mut watch = Watch::new(&mut bars, &self.cancel);
        let location = models::resolve(argument, &settings, &mut watch)?;
        Ok(location.path().to_owned())
    }

    /// Opens the model that `argument` means.
    pub fn open_model(&self, argument: &str) -> Outcome<Model> {
        let path = self.locate(argument)?;
        Model::open(&path)
            .map_err(|e| Failure::from(e).while_trying(format!("open the model `{argument}`")))
    }

    /// Asks models to cancel through this flag.
    pub fn flag(&self) -> &AtomicBool {
        &self.cancel
    }
}

/// A progress bar on standard error, if that is a terminal.
pub fn bar(label: &str, total: u64, unit: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let counts = match unit {
        "bytes" => "{bytes}/{total_bytes} {bytes_per_sec}",
        _ => "{pos}/{len} {msg}",
    };
    let template = format!("{{prefix:28}} {{bar:30}} {counts} {{eta_precise}} left");
    let style = ProgressStyle::with_template(&template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(label.to_owned());
    bar
}

/// Download progress as bars.
#[derive(Default)]
pub struct DownloadBars {
    bar: Option<ProgressBar>,
}

impl models::Progress for DownloadBars {
    fn begin(&mut self, label: &str, total: u64) {
        self.bar = Some(bar(label, total, "bytes"));
    }

    fn advance(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn note(&mut self, message: &str) {
        match &self.bar {
            Some(bar) if !bar.is_hidden() => bar.println(message),
            _ => eprintln!("{message}"),
        }
    }
}

/// Most memory this process has held, in MiB, where the system tells.
pub fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
