//! The [`Kernels`] of a card.

use super::blas::Element;
use super::buffer::CudaBuffer;
use super::buffer::CudaWeight;
use super::card::Card;
use super::compile::KernelCache;
use super::error::CudaError;
use super::queue::Queue;
use super::queue::{KernelTime, Times};
use super::work::{State, Work};
use crate::checkpoint_files::RawTensor;
use crate::config::Activation;
use crate::forest::AttentionPlan;
use crate::kernels::{
    AdamW, AttentionShape, Kernels, Linear, LoraView, Parameters, RopeTable, Rotation, Target,
    Write,
};
use crate::kernels::{KernelError, UnknownName};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What matrix products are computed from; sums are in single precision always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Weights in bfloat16, activations rounded to it.
    #[default]
    Bf16,
    /// Weights in single precision, rounded to 11 significant bits when multiplied.
    Tf32,
    /// Single precision.
    F32,
}

impl FromStr for Precision {
    type Err = UnknownName;

    /// Reads `bf16`, `tf32` or `f32`.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let known = [Precision::Bf16, Precision::Tf32, Precision::F32];
        let found = known.into_iter().find(|precision| precision.to_string() == text);
        found.ok_or_else(|| UnknownName {
            what: "the precision",
            found: text.to_owned(),
            wanted: "bf16, tf32 or f32",
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Precision::Bf16 => "bf16",
            Precision::Tf32 => "tf32",
            Precision::F32 => "f32",
        })
    }
}

impl Precision {
    pub(super) fn element(self) -> Element {
        match self {
            Precision::Bf16 => Element::Bf16,
            Precision::Tf32 | Precision::F32 => Element::F32,
        }
    }
}

/// A card's kernels. Clones share the card and what it is doing.
///
/// Calls queue work and return; only reading results waits for them. Attention heads may be up to
/// 256 wide.
pub struct CudaKernels<Q: Queue = Card> {
    shared: Arc<Shared<Q>>,
}

struct Shared<Q: Queue> {
    queue: Q,
    precision: Precision,
    state: Mutex<State<Q>>,
}

impl<Q: Queue> Clone for CudaKernels<Q> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl CudaKernels<Card> {
    /// Prepares card `cuda:index` and tries it out; compiled kernels are kept in `cache`.
    ///
    /// # Errors
    /// [`CudaError`] where the card, its driver or a library cannot be used.
    pub fn open(
        index: usize,
        precision: Precision,
        cache: &KernelCache,
    ) -> Result<Self, CudaError> {
        let kernels = Self::new(Card::open(index, cache)?, precision);
        kernels.try_out()?;
        Ok(kernels)
    }
}

impl<Q: Queue> CudaKernels<Q> {
    /// Kernels over a queue.
    pub fn new(queue: Q, precision: Precision) -> Self {
        let state = Mutex::new(State::default());
        Self { shared: Arc::new(Shared { queue, precision, state }) }
    }

    /// What the kernels run on.
    pub fn queue(&self) -> &Q {
        &self.shared.queue
    }

    /// What matrix products are computed from.
    pub fn precision(&self) -> Precision {
        self.shared.precision
    }

    /// From now on every kernel is waited for and timed, which makes all of it slower.
    pub fn time_kernels(&self) {
        self.state().times = Some(Times::default());
    }

    /// Where the time went, the longest first; nothing unless [`Self::time_kernels`] was called.
    pub fn kernel_times(&self) -> Vec<KernelTime> {
        self.state().times.as_ref().map(Times::all).unwrap_or_default()
    }

    /// Brings a matrix `(·, columns)` to the card.
    ///
    /// # Errors
    /// [`CudaError`]
    pub fn weight_of(&self, data: &[f32], columns: usize) -> Result<CudaWeight<Q>, CudaError> {
        self.attempt(|work| work.weight_of(data, columns))
    }

    /// The first failure, if there was one.
    pub(super) fn failure(&self) -> Option<CudaError> {
        self.state().error.clone()
    }

    fn state(&self) -> MutexGuard<'_, State<Q>> {
        // A poisoned lock only means that another call panicked: memory can be used again.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does some work unless the card has failed before.
    fn attempt<T, E: From<CudaError>>(
        &self,
        work: impl FnOnce(&mut Work<Q>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut state = self.state();
        if let Some(error) = &state.error {
            return Err(error.clone().into());
        }
        let Shared { queue, precision, .. } = &*self.shared;
        work(&mut Work { queue, precision: *precision, state: &mut state })
    }

    /// Does some work unless the card has failed; a failure is remembered, and `None` returned.
    fn run<T>(&self, work: impl FnOnce(&mut Work<Q>) -> Result<T, CudaError>) -> Option<T> {
        let done = self.attempt(work);
        done.map_err(|error| self.state().error.get_or_insert(error).clone()).ok()
    }
}

impl<Q: Queue> Kernels for CudaKernels<Q> {
    type Buffer = CudaBuffer<Q>;
    type Weight = CudaWeight<Q>;

    fn check(&self) -> Result<(), KernelError> {
        match &self.state().error {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }

    fn free_memory(&self) -> Option<u64> {
        self.queue().free_memory()
    }

    fn weight(&self, tensor: RawTensor) -> Result<CudaWeight<Q>, KernelError> {
        self.attempt(|work| work.weight(tensor))
    }

    fn check_weight(&self, weight: &CudaWeight<Q>) -> Result<(), KernelError> {
        self.check()?;
        weight.check_finite()
    }

    fn merged(&self, layer: Linear<Self>) -> CudaWeight<Q> {
        self.run(|work| work.merged(layer.weight, layer.lora)).unwrap_or_else(CudaWeight::none)
    }

    fn upload(&self, data: &[f32]) -> CudaBuffer<Q> {
        let mut buffer = CudaBuffer::default();
        self.run(|work| buffer.upload(work.queue, data));
        buffer
    }

    fn download(&self, buffer: &CudaBuffer<Q>) -> Vec<f32> {
        let found = self.run(|work| buffer.download(work.queue));
        found.unwrap_or_else(|| vec![f32::NAN; buffer.len()])
    }

    fn prepare(&self, buffer: &mut CudaBuffer<Q>, len: usize) {
        self.run(|work| buffer.resize(work.queue, len));
    }

    fn zero(&self, buffer: &mut CudaBuffer<Q>) {
        self.run(|work| buffer.clear(work.queue));
    }

    fn copy(&self, from: &CudaBuffer<Q>, to: &mut CudaBuffer<Q>) {
        self.run(|work| to.copy(work.queue, from));
    }

    fn add(&self, x: &CudaBuffer<Q>, y: &mut CudaBuffer<Q>) {
        self.run(|work| work.add(x, y));
    }

    fn scale(&self, x: &mut CudaBuffer<Q>, factor: f32) {
        self.run(|work| work.scale(x, factor));
    }

    fn square_sum(&self, arrays: &[&CudaBuffer<Q>]) -> f64 {
        self.run(|work| work.square_sum(arrays)).unwrap_or(f64::NAN)
    }

    fn embed(&self, table: &CudaWeight<Q>, rows: &[u32], out: &mut CudaBuffer<Q>) {
        self.run(|work| work.embed(table, rows, out));
    }

    fn gather(&self, x: &CudaBuffer<Q>, rows: &[u32], width: usize, out: &mut CudaBuffer<Q>) {
        self.run(|work| work.gather(x, rows, width, out));
    }

    fn scatter(
        &self,
        x: &CudaBuffer<Q>,
        rows: &[u32],
        width: usize,
        write: Write,
        out: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.scatter(x, rows, width, write, out));
    }

    fn linear(&self, x: &CudaBuffer<Q>, layer: Linear<Self>, write: Write, y: &mut CudaBuffer<Q>) {
        self.run(|work| work.linear(x, layer.weight, layer.bias, layer.lora, write, y));
    }

    fn linear_backward(
        &self,
        dy: &CudaBuffer<Q>,
        layer: Linear<Self>,
        write: Write,
        dx: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.linear_backward(dy, layer.weight, layer.lora, write, dx));
    }

    fn lora_backward(
        &self,
        x: &CudaBuffer<Q>,
        dy: &CudaBuffer<Q>,
        lora: LoraView<CudaBuffer<Q>>,
        da: &mut CudaBuffer<Q>,
        db: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.lora_backward(x, dy, lora, da, db));
    }

    fn rms_norm(&self, x: &CudaBuffer<Q>, weight: &CudaBuffer<Q>, eps: f32, y: &mut CudaBuffer<Q>) {
        self.run(|work| work.rms_norm(x, weight, eps, y));
    }

    fn rms_norm_backward(
        &self,
        dy: &CudaBuffer<Q>,
        x: &CudaBuffer<Q>,
        weight: &CudaBuffer<Q>,
        eps: f32,
        write: Write,
        dx: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.rms_norm_backward(dy, x, weight, eps, write, dx));
    }

    fn rope(
        &self,
        x: &mut CudaBuffer<Q>,
        positions: &[u32],
        table: &RopeTable,
        rotation: Rotation,
    ) {
        self.run(|work| work.rope(x, positions, table, rotation));
    }

    fn attention(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&CudaBuffer<Q>; 3],
        out: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.attention(shape, plan, qkv, out));
    }

    fn attention_backward(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&CudaBuffer<Q>; 3],
        dout: &CudaBuffer<Q>,
        gradients: [&mut CudaBuffer<Q>; 3],
    ) {
        self.run(|work| work.attention_backward(shape, plan, qkv, dout, gradients));
    }

    fn gated(
        &self,
        activation: Activation,
        gate: &CudaBuffer<Q>,
        up: &CudaBuffer<Q>,
        out: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.gated(activation, gate, up, out));
    }

    fn gated_backward(
        &self,
        activation: Activation,
        dout: &CudaBuffer<Q>,
        gate: &mut CudaBuffer<Q>,
        up: &mut CudaBuffer<Q>,
    ) {
        self.run(|work| work.gated_backward(activation, dout, gate, up));
    }

    fn softcap(&self, x: &mut CudaBuffer<Q>, cap: f32) {
        self.run(|work| work.softcap(x, cap));
    }

    fn log_probs(
        &self,
        x: &CudaBuffer<Q>,
        head: &CudaWeight<Q>,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut CudaBuffer<Q>>,
    ) -> Vec<f32> {
        let found = self.run(|work| work.log_probs(x, head, softcap, targets, dx));
        found.unwrap_or_else(|| vec![f32::NAN; targets.len()])
    }

    fn log_probs_to(
        &self,
        x: &CudaBuffer<Q>,
        head: &CudaWeight<Q>,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut CudaBuffer<Q>>,
        found: &mut CudaBuffer<Q>,
    ) {
        let done = self.run(|work| {
            let at = found.resize(work.queue, targets.len())?;
            work.queue_log_probs(x, head, softcap, targets, dx, at)
        });
        if done.is_none() {
            found.lose(targets.len());
        }
    }

    fn adamw(&self, settings: &AdamW, tensors: Vec<Parameters<CudaBuffer<Q>>>) {
        self.run(|work| work.adamw(settings, tensors));
    }
}
