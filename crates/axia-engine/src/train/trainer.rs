//! The training loop.

use super::batch::Batch;
use super::record::{Best, State};
use super::record::{History, StepRecord, StopReason, ValidationRecord};
use super::{TrainData, TrainRow, TrainSettings, checkpoint};
use crate::decoder::{Activations, Decoder, Keep, explain};
use crate::error::EngineError;
use crate::forest::Forest;
use crate::kernels::cpu::log_sum_exp;
use crate::kernels::{Kernels, Target};
use crate::lora::{Adapter, Gradients};
use std::path::Path;
use std::time::{Duration, Instant};

/// Time after which a checkpoint is written in the midst of an epoch.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// Between two checkpoints passes at least so many times what writing one takes: those of large
/// adapters take seconds.
const TIMES_SAVING: u32 = 20;

/// Who follows a run.
pub trait Observer {
    /// A step was taken.
    fn step(&mut self, _record: &StepRecord) {}
    /// The validation rows were looked at.
    fn validation(&mut self, _record: &ValidationRecord) {}
    /// Whether to stop now; the state is saved first.
    fn cancelled(&self) -> bool {
        false
    }
}

impl Observer for () {}

/// A finished run.
pub struct Trained<K: Kernels> {
    /// The adapter: the best by validation loss, or the last where nothing was validated.
    pub adapter: Adapter<K>,
    /// Why the run ended.
    pub stopped: StopReason,
    /// The course of the run.
    pub history: History,
}

/// Fine-tunes `adapter` on `data`.
///
/// The loss of a step is the mean over its rows' completion tokens (`−log p`) and soft labels
/// (cross-entropy, see [`super::SoftLabel`]). With a
/// `checkpoint` path the state is saved there every half minute and at the end of every epoch, both
/// less often where saving takes seconds, at the end, and when the observer cancels; a run that finds
/// its own checkpoint goes on from it and gives the same bytes as one that was never interrupted. The
/// file stays when the run ends, and a run that finds it then returns what it holds.
///
/// # Errors
/// [`EngineError::Setting`], [`EngineError::EmptySequence`], [`EngineError::TokenRange`] and
/// [`EngineError::Weights`] for bad input, [`EngineError::TrainingState`] for a checkpoint that is damaged or another run's,
/// [`EngineError::File`] for one that cannot be read or written, [`EngineError::Cancelled`] after
/// saving, [`EngineError::Cuda`] where a card fails, [`EngineError::PassMemory`] where its memory is too small, and [`EngineError::NonFinite`] or the damaged tensor where NaN or infinity came out.
pub fn train<K: Kernels>(
    decoder: &Decoder<K>,
    adapter: Adapter<K>,
    data: &TrainData,
    settings: &TrainSettings,
    checkpoint: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Trained<K>, EngineError> {
    settings.check(data)?;
    data.check(decoder.config().vocab_size)?;
    let mut run = Run::new(decoder, adapter, data, settings, checkpoint)?;
    while run.state.step < run.total && run.state.stopped.is_none() {
        if observer.cancelled() {
            run.save()?;
            return Err(EngineError::Cancelled);
        }
        let record = run.step()?;
        observer.step(&record);
        if run.state.step.is_multiple_of(run.per_epoch) || run.state.step == run.total {
            if let Some(record) = run.validate()? {
                observer.validation(&record);
            }
            let is_over = run.state.step == run.total || run.state.stopped.is_some();
            if is_over || run.saving_costs_little() {
                run.save()?;
            }
        } else if run.saved.elapsed() > CHECKPOINT_EVERY && run.saving_costs_little() {
            run.save()?;
        }
    }
    // What the last step did to the adapter has not been looked at.
    decoder.kernels().check()?;
    Ok(run.finish())
}

struct Run<'a, K: Kernels> {
    decoder: &'a Decoder<K>,
    data: &'a TrainData,
    settings: &'a TrainSettings,
    checkpoint: Option<&'a Path>,
    fingerprint: String,
    state: State<K>,
    gradients: Gradients<K>,
    activations: Activations<K::Buffer>,
    /// Most distinct tokens computed at once, found before the first pass.
    max_tokens: usize,
    /// Bytes of a card's memory that were free then.
    room: Option<u64>,
    /// Epoch whose order is at hand, and the order.
    order: Option<(usize, Vec<usize>)>,
    per_epoch: usize,
    total: usize,
    saved: Instant,
    /// How long the last checkpoint took.
    saving: Duration,
}

impl<'a, K: Kernels> Run<'a, K> {
    fn new(
        decoder: &'a Decoder<K>,
        adapter: Adapter<K>,
        data: &'a TrainData,
        settings: &'a TrainSettings,
        checkpoint: Option<&'a Path>,
    ) -> Result<Self, EngineError> {
        let kernels = decoder.kernels();
        let gradients = Gradients::zeros(kernels, &adapter);
        let mut state = State::new(kernels, adapter);
        let mut fingerprint = String::new();
        if let Some(path) = checkpoint {
            fingerprint = checkpoint::fingerprint(decoder, settings, data, &state);
            checkpoint::load(path, kernels, &fingerprint, &mut state)?;
        }
        Ok(Self {
            decoder,
            data,
            settings,
            checkpoint,
            fingerprint,
            state,
            gradients,
            activations: Activations::default(),
            max_tokens: settings.max_tokens.resolve(decoder, settings.keep()),
            room: kernels.free_memory(),
            order: None,
            per_epoch: settings.steps_per_epoch(data.train.len()).max(1),
            total: settings.total_steps(data.train.len()),
            saved: Instant::now(),
            saving: Duration::ZERO,
        })
    }

    /// The rows of the next step.
    fn rows(&mut self, epoch: usize) -> Vec<&'a TrainRow> {
        let data: &'a TrainData = self.data;
        if self.order.as_ref().is_none_or(|(at, _)| *at != epoch) {
            let order = self.settings.order.epoch(&data.train, self.settings.seed, epoch);
            self.order = Some((epoch, order));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let from = self.state.step % self.per_epoch * self.settings.step_rows();
        order.iter().skip(from).take(self.settings.step_rows()).map(|&i| &data.train[i]).collect()
    }

    fn step(&mut self) -> Result<StepRecord, EngineError> {
        let started = Instant::now();
        let epoch = self.state.step / self.per_epoch;
        let rows = self.rows(epoch);
        let supervised: usize = rows.iter().map(|r| r.supervised()).sum();
        let kernels = self.decoder.kernels();
        self.gradients.reset(kernels);
        let keep = self.settings.keep();
        let mut queued = Vec::new();
        for part in rows.chunks(self.settings.batch_rows) {
            let batch = Batch::new(part, self.decoder.config(), self.max_tokens);
            let found = batch.queue_backward(
                self.decoder,
                &self.state.adapter,
                (1.0 / supervised as f32, keep),
                &mut self.activations,
                &mut self.gradients,
            );
            queued.push((batch, found));
        }
        let anchored = self.queue_language(keep);
        // The one place where a step waits for a card: all that it does was asked for before.
        let gradient_norm = self.gradients.norm(kernels);
        let largest = queued.iter().map(|(batch, _)| batch.largest()).max().unwrap_or_default();
        let (mut loss, mut tokens, mut unique_tokens) = (0.0, 0, 0);
        for (batch, found) in &queued {
            let found = batch.read(self.decoder, found);
            let found = found.map_err(|e| self.explain(e, keep, largest))?;
            loss += found.sum;
            tokens += batch.tokens;
            unique_tokens += found.unique_tokens;
        }
        let mut language_kl = None;
        if let Some((anchor, found)) = &anchored {
            let read = anchor.read(self.decoder, found);
            language_kl = Some(read.map_err(|e| self.explain(e, keep, anchor.tokens()))?);
            tokens += anchor.tokens();
            unique_tokens += anchor.tokens();
        }
        if !gradient_norm.is_finite() {
            // A step with it would leave NaN in the adapter, and in the checkpoint.
            let error = self.decoder.non_finite("the gradient");
            return Err(self.explain(error, keep, largest));
        }
        if let Some(most) = self.settings.clip.filter(|most| gradient_norm > *most) {
            self.gradients.scale(kernels, (most / gradient_norm) as f32);
        }
        let lr = self.learning_rate();
        self.state.update(kernels, &self.settings.optimizer, lr, &self.gradients);
        let record = StepRecord {
            step: self.state.step,
            epoch,
            loss: loss / supervised as f64,
            language_kl,
            gradient_norm,
            lr,
            rows: rows.len(),
            tokens,
            unique_tokens,
            seconds: started.elapsed().as_secs_f64(),
        };
        self.state.history.steps.push(record);
        Ok(record)
    }

    /// Adds the gradient of the divergence from the base on this step's text, if there is one.
    fn queue_language(&mut self, keep: Keep) -> Option<(LanguageAnchor, K::Buffer)> {
        let count = self.data.texts.len().max(1);
        let text = self.data.texts.get(self.state.step % count)?;
        let weight = self.settings.language_kl as f32;
        if weight == 0.0 {
            return None;
        }
        let anchor = LanguageAnchor::new(self.decoder, text, &mut self.activations);
        let found = anchor.queue_backward(
            self.decoder,
            &self.state.adapter,
            (weight, keep),
            &mut self.activations,
            &mut self.gradients,
        );
        Some((anchor, found))
    }

    /// Explains an error that occurred in forests of up to `tokens` tokens.
    fn explain(&self, error: EngineError, keep: Keep, tokens: usize) -> EngineError {
        explain(error, self.decoder.config(), keep, tokens, self.room)
    }

    fn learning_rate(&self) -> f64 {
        let warmup = (self.settings.warmup * self.total as f64).ceil() as usize;
        let factor = self.settings.schedule.factor(self.state.step, self.total, warmup);
        self.settings.optimizer.lr * factor
    }

    /// Measures the validation loss, remembers the best adapter, and decides about stopping.
    fn validate(&mut self) -> Result<Option<ValidationRecord>, EngineError> {
        if self.data.validation.is_empty() {
            return Ok(None);
        }
        let rows: Vec<&TrainRow> = self.data.validation.iter().collect();
        let batch = Batch::new(&rows, self.decoder.config(), self.max_tokens);
        let adapter = Some(&self.state.adapter);
        let found = batch.loss(self.decoder, adapter, &mut self.activations);
        let found = found.map_err(|e| self.explain(e, Keep::Nothing, batch.largest()))?;
        let loss = found.sum / batch.supervised as f64;
        let stopping = self.settings.early_stopping;
        let threshold = stopping.map_or(0.0, |s| s.threshold);
        let best = self.state.best.as_ref().map(|b| b.loss);
        let improved = best.is_none_or(|best| loss < best - threshold);
        self.state.stale = if improved { 0 } else { self.state.stale + 1 };
        if best.is_none_or(|best| loss < best) {
            let pairs = self.state.snapshot(self.decoder.kernels());
            self.state.best = Some(Best { loss, pairs });
        }
        if stopping.is_some_and(|s| self.state.stale >= s.patience) {
            self.state.stopped = Some(StopReason::EarlyStopping);
        }
        let epoch = self.state.step.div_ceil(self.per_epoch);
        let record = ValidationRecord { step: self.state.step, epoch, loss, improved };
        self.state.history.validations.push(record);
        Ok(Some(record))
    }

    fn saving_costs_little(&self) -> bool {
        self.saved.elapsed() >= TIMES_SAVING * self.saving
    }

    fn save(&mut self) -> Result<(), EngineError> {
        if let Some(path) = self.checkpoint {
            let started = Instant::now();
            self.decoder.kernels().check()?;
            checkpoint::save(path, self.decoder.kernels(), &self.fingerprint, &self.state)?;
            self.saved = Instant::now();
            self.saving = self.saved - started;
        }
        Ok(())
    }

    fn finish(mut self) -> Trained<K> {
        if let Some(best) = self.state.best.take() {
            self.state.restore(self.decoder.kernels(), &best.pairs);
        }
        Trained {
            adapter: self.state.adapter,
            stopped: self.state.stopped.unwrap_or(StopReason::Finished),
            history: self.state.history,
        }
    }
}

/// Tokens to which the base gives less are left out; together they have next to nothing.
const NEGLIGIBLE: f32 = 1e-6;

/// The base's distributions over the next token after every token of one text but the last.
pub(super) struct LanguageAnchor {
    forest: Forest,
    /// Every node but that of the last token.
    reads: Vec<u32>,
    length: usize,
    /// The base's probabilities as weights, ascending by read and token.
    targets: Vec<Target>,
    /// `Σ p log p` over the targets.
    negative_entropy: f64,
}

impl LanguageAnchor {
    /// Has the base, without an adapter, read `text`, which has at least two tokens.
    pub fn new<K: Kernels>(
        decoder: &Decoder<K>,
        text: &[u32],
        activations: &mut Activations<K::Buffer>,
    ) -> Self {
        let fed = &text[..text.len() - 1];
        let (forest, _) = Forest::build(&[fed]);
        let reads: Vec<u32> = (0..forest.len() as u32).collect();
        let pass = decoder.pass_of_texts(&forest, &reads, text.len());
        decoder.forward(None, &pass, Keep::Nothing, activations);
        let mut targets = Vec::new();
        let mut negative_entropy = 0.0;
        for (row, logits) in
            decoder.logits(activations).chunks(decoder.config().vocab_size).enumerate()
        {
            let log_sum = log_sum_exp(logits);
            for (token, logit) in logits.iter().enumerate() {
                let log_p = logit - log_sum;
                if log_p.exp() >= NEGLIGIBLE {
                    let weight = log_p.exp();
                    targets.push(Target { row, token: token as u32, weight });
                    negative_entropy += f64::from(weight) * f64::from(log_p);
                }
            }
        }
        Self { forest, reads, length: text.len(), targets, negative_entropy }
    }

    /// Adds the gradients of `factor` times the mean divergence of a token; what [`Self::read`] reads.
    pub fn queue_backward<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        adapter: &Adapter<K>,
        (factor, keep): (f32, Keep),
        activations: &mut Activations<K::Buffer>,
        gradients: &mut Gradients<K>,
    ) -> K::Buffer {
        let pass = decoder.pass_of_texts(&self.forest, &self.reads, self.length);
        decoder.forward(Some(adapter), &pass, keep, activations);
        let scale = factor / self.reads.len() as f32;
        let scaled = |t: &Target| Target { weight: scale * t.weight, ..*t };
        let targets: Vec<Target> = self.targets.iter().map(scaled).collect();
        decoder.backward(adapter, &pass, &targets, activations, gradients)
    }

    /// The mean divergence of a token, `Σ p (log p − log q)`, in nats.
    ///
    /// # Errors
    /// [`EngineError::NonFinite`] where a log-probability is NaN or infinite.
    pub fn read<K: Kernels>(
        &self,
        decoder: &Decoder<K>,
        found: &K::Buffer,
    ) -> Result<f64, EngineError> {
        let log_q = decoder.kernels().download(found);
        let cross = self.targets.iter().zip(log_q);
        let cross: f64 = cross.map(|(t, q)| f64::from(t.weight) * f64::from(q)).sum();
        let mean = (self.negative_entropy - cross) / self.reads.len() as f64;
        if mean.is_finite() { Ok(mean) } else { Err(decoder.non_finite("the divergence")) }
    }

    /// Distinct tokens computed.
    pub fn tokens(&self) -> usize {
        self.forest.len()
    }
}
