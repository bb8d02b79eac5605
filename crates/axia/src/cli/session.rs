//! What every command shares: threads, cancellation, progress, and opening models.

use super::failure::{Failure, Outcome};
use crate::models::{self, Check, ModelError, ModelReference, Settings, Watch};
use crate::run::Follow;
use anyhow::anyhow;
use axia_engine::decoder::TokensPerStep;
use axia_engine::kernels::cuda::{CudaError, KernelCache, KernelTime, Precision, Unusable, probe};
use axia_engine::kernels::{Device, DeviceKernels};
use axia_engine::{EngineError, Model};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where and how to compute.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Computation")]
pub struct Compute {
    /// Threads to use; by default all cores
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Device: auto (the first NVIDIA card that can be used, else the CPU), cpu or cuda:N
    #[arg(long, default_value_t)]
    pub device: Device,
    /// What a card multiplies: bf16, tf32 or f32
    #[arg(long, default_value_t)]
    pub precision: Precision,
}

/// How work is cut to fit into memory.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Computation")]
pub struct Memory {
    /// Most distinct tokens computed at once: a number, or auto (what a card has memory for; 4096 on
    /// the CPU)
    #[arg(long, value_name = "auto|N", default_value_t, alias = "max-tokens")]
    pub max_tokens_per_step: TokensPerStep,
}

/// Looking at where a card's time goes.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Computation")]
pub struct Timing {
    /// Wait for every kernel of a card and tell how long each took in all; slows everything down
    #[arg(long)]
    pub time_kernels: bool,
}

impl Timing {
    /// Begins, if it is wanted.
    ///
    /// # Errors
    /// Where there is no card to time.
    pub fn begin(self, model: &Model) -> Outcome<()> {
        let kernels = model.decoder().kernels();
        if self.time_kernels && kernels.is_cpu() {
            return Err(Failure::input(anyhow!("--time-kernels needs a card (--device cuda:0)")));
        }
        if self.time_kernels {
            kernels.time_kernels();
        }
        Ok(())
    }

    /// Adds what was found to a command's result.
    pub fn tell(self, model: &Model, result: &mut Json) {
        if self.time_kernels {
            let times = model.decoder().kernels().kernel_times();
            let time = |t: &KernelTime| json!([t.kernel, t.calls, t.seconds]);
            result["kernels"] = times.iter().map(time).collect();
        }
    }
}

/// One running command.
pub struct Session {
    cancel: Arc<AtomicBool>,
    device: Device,
    precision: Precision,
}

impl Session {
    /// Prepares threads and catches Ctrl-C: the first one asks the work to stop and save, the
    /// second ends the program at once.
    pub fn start(compute: &Compute) -> Outcome<Self> {
        if let Device::Cuda(_) = compute.device {
            // Told now rather than after a model was fetched.
            let failed = |why| Failure::input(why).while_trying(use_of(compute.device));
            probe().map_err(failed)?;
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
        Ok(Self { cancel, device: compute.device, precision: compute.precision })
    }

    /// Whether the user asked to stop.
    pub fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::SeqCst)
    }

    /// Becomes true when the user asks to stop.
    pub fn cancel(&self) -> &AtomicBool {
        &self.cancel
    }

    /// Finds the model that `argument` means, fetching it if need be.
    pub fn locate(&self, argument: &str) -> Outcome<PathBuf> {
        self.watching(|settings, watch| {
            Ok(models::resolve(argument, settings, watch)?.path().to_owned())
        })
    }

    /// Fetches the model that `argument` means, asking the hub for changes.
    pub fn fetch(&self, argument: &str) -> Outcome<PathBuf> {
        self.watching(|settings, watch| match models::identify(argument, settings)? {
            ModelReference::Local(location) => Ok(location.path().to_owned()),
            ModelReference::Known(model) => {
                Ok(models::pull(model, settings, Check::Hash, watch)?.path)
            }
            ModelReference::Hub(id) => models::hub::fetch(&id, &settings.hub, watch),
        })
    }

    fn watching(
        &self,
        work: impl FnOnce(&Settings, &mut Watch) -> Result<PathBuf, ModelError>,
    ) -> Outcome<PathBuf> {
        let settings = Settings::from_env()?;
        let mut bars = DownloadBars::default();
        Ok(work(&settings, &mut Watch::new(&mut bars, &self.cancel))?)
    }

    /// Opens the model that `argument` means.
    pub fn open_model(&self, argument: &str) -> Outcome<Model> {
        self.open_by(argument, Model::open_on)
    }

    /// The same for work with token ids: a model's folder needs no tokenizer.
    pub fn open_model_for_ids(&self, argument: &str) -> Outcome<Model> {
        self.open_by(argument, Model::open_for_ids_on)
    }

    fn open_by(
        &self,
        argument: &str,
        open: impl Fn(DeviceKernels, &Path) -> Result<Model, EngineError>,
    ) -> Outcome<Model> {
        let path = self.locate(argument)?;
        let kernels = self.kernels()?;
        open(kernels, &path)
            .map_err(|e| Failure::from(e).while_trying(format!("open the model `{argument}`")))
    }

    /// Prepares the device.
    fn kernels(&self) -> Outcome<DeviceKernels> {
        // Without a home there is only no place to keep compiled kernels.
        let cache = Settings::from_env().ok().map(|settings| settings.cache.join("kernels"));
        let opened = self
            .device
            .open(self.precision, &KernelCache::new(cache))
            .map_err(|e| Failure::from(EngineError::from(e)).while_trying(use_of(self.device)))?;
        match opened.passed_over {
            None | Some(CudaError::Unusable(Unusable::NoDriver)) => {}
            Some(why) => eprintln!("computing on the CPU: {why}"),
        }
        Ok(opened.kernels)
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

/// Progress of a study as bars.
pub struct StudyBars<'a> {
    session: &'a Session,
    bar: Option<ProgressBar>,
}

impl<'a> StudyBars<'a> {
    /// Bars that stop with `session`.
    pub fn new(session: &'a Session) -> Self {
        Self { session, bar: None }
    }
}

impl Follow for StudyBars<'_> {
    fn begin(&mut self, phase: &str, total: usize) {
        let bar = bar(phase, total as u64, "rows");
        if bar.is_hidden() {
            eprintln!("{phase}");
        }
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: usize, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_owned());
            bar.set_position(done as u64);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            let seconds = bar.elapsed().as_secs_f64();
            let line = format!("{:32} {seconds:7.1} s", bar.prefix());
            if bar.is_hidden() {
                eprintln!("  {seconds:.1} s");
            } else {
                bar.println(line);
            }
            bar.finish_and_clear();
        }
    }

    fn note(&mut self, message: &str) {
        match &self.bar {
            Some(bar) if !bar.is_hidden() => bar.println(message),
            _ => eprintln!("{message}"),
        }
    }

    fn cancelled(&self) -> bool {
        self.session.cancelled()
    }
}

/// Most memory this process has held, in MiB, where the system tells.
pub fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

fn use_of(device: Device) -> String {
    format!("use --device {device} (--device cpu needs no card)")
}
