//! The handful of kernels that a decoder block and its training are made of.
//!
//! The decoder is written once over [`Kernels`]; a device implements it. All arrays are row-major
//! f32 buffers; the comments give their shapes.

pub mod cpu;
pub mod cuda;
pub mod device;
mod error;

use crate::checkpoint_files::RawTensor;
use crate::config::Activation;
use crate::forest::AttentionPlan;
pub use cpu::CpuKernels;
pub use cpu::rope::{RopeTable, Rotation};
pub use device::{Device, DeviceKernels};
pub use error::{KernelError, UnknownName};

/// Heads of one attention layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionShape {
    /// Query heads.
    pub heads: usize,
    /// Key/value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Factor on `q · k`, usually `head_dim^-1/2`.
    pub scale: f32,
    /// Soft-capping: scores `s` become `cap · tanh(s / cap)` before the softmax.
    pub softcap: Option<f32>,
}

impl AttentionShape {
    /// Query heads per key/value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Width of the queries of one token.
    pub fn width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of the keys (or values) of one token.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

/// A low-rank update `scale · B A` of a linear layer (LoRA, Hu et al. 2021) on a device.
#[derive(Debug)]
pub struct LoraPair<B> {
    /// `(rank, in)`
    pub a: B,
    /// `(out, rank)`
    pub b: B,
    /// LoRA rank.
    pub rank: usize,
    /// `alpha / rank`, or `alpha / √rank` for rank-stabilised LoRA.
    pub scale: f32,
}

impl<B> LoraPair<B> {
    /// The pair, borrowed.
    pub fn view(&self) -> LoraView<'_, B> {
        LoraView { a: &self.a, b: &self.b, rank: self.rank, scale: self.scale }
    }
}

/// A borrowed [`LoraPair`].
pub struct LoraView<'a, B> {
    /// `(rank, in)`
    pub a: &'a B,
    /// `(out, rank)`
    pub b: &'a B,
    /// As of the pair.
    pub rank: usize,
    /// As of the pair.
    pub scale: f32,
}

impl<B> Clone for LoraView<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for LoraView<'_, B> {}

/// A linear layer as it acts: the frozen weight and, where there are some, its frozen bias and its
/// low-rank update.
pub struct Linear<'a, K: Kernels + ?Sized> {
    /// `(out, in)`
    pub weight: &'a K::Weight,
    /// `(out)`
    pub bias: Option<&'a K::Buffer>,
    /// The adapter's part.
    pub lora: Option<LoraView<'a, K::Buffer>>,
}

impl<K: Kernels + ?Sized> Clone for Linear<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kernels + ?Sized> Copy for Linear<'_, K> {}

/// Whether a kernel overwrites its output or adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// `out = …`
    Set,
    /// `out += …`
    Add,
}

/// What is read off the logits of one position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Row of the hidden states.
    pub row: usize,
    /// Token whose log-probability is read.
    pub token: u32,
    /// Weight of `−log p` in the loss.
    pub weight: f32,
}

/// Settings of one AdamW step (Loshchilov & Hutter 2019), in double precision: `1 − β` would
/// lose digits in single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Number of this step, from 1.
    pub step: u64,
}

/// A trained tensor and what a step on it needs.
pub struct Parameters<'a, B> {
    /// The tensor.
    pub values: &'a mut B,
    /// Its gradients.
    pub gradients: &'a B,
    /// First and second moments of the gradients.
    pub moments: [&'a mut B; 2],
}

/// One device's kernels.
///
/// A device may fail in the midst of its work, which most methods do not wait for. Then nothing more
/// is computed, what is read back is NaN, and [`Self::check`] says what went wrong.
///
/// Buffers grow as needed and never shrink, so that a training step allocates nothing after the
/// first: `prepare` gives a buffer the wanted length, with unspecified contents.
pub trait Kernels: Send + Sync {
    /// An f32 array on the device.
    type Buffer: Send + Sync + Default;
    /// A frozen weight matrix on the device, in its storage type.
    type Weight: Send + Sync;

    /// Whether the device has failed.
    ///
    /// # Errors
    /// The first failure.
    fn check(&self) -> Result<(), KernelError> {
        Ok(())
    }
    /// Bytes of the device's own memory that are free; `None` where it works in main memory.
    fn free_memory(&self) -> Option<u64> {
        None
    }
    /// Brings a weight matrix to the device.
    fn weight(&self, tensor: RawTensor) -> Result<Self::Weight, KernelError>;
    /// Looks through a weight for NaN and infinity.
    fn check_weight(&self, weight: &Self::Weight) -> Result<(), KernelError>;
    /// A layer's matrix as plain f32, its low-rank update merged in, without its bias: for generation, where every
    /// token would otherwise widen and merge the same weights again.
    fn merged(&self, layer: Linear<Self>) -> Self::Weight;
    /// Brings numbers to the device.
    fn upload(&self, data: &[f32]) -> Self::Buffer;
    /// Brings numbers back.
    fn download(&self, buffer: &Self::Buffer) -> Vec<f32>;
    /// Gives `buffer` the length `len`; its contents are unspecified.
    fn prepare(&self, buffer: &mut Self::Buffer, len: usize);
    /// Sets every element to zero.
    fn zero(&self, buffer: &mut Self::Buffer);
    /// An array of `len` zeros.
    fn zeros(&self, len: usize) -> Self::Buffer {
        let mut buffer = Self::Buffer::default();
        self.prepare(&mut buffer, len);
        self.zero(&mut buffer);
        buffer
    }
    /// `to = from`
    fn copy(&self, from: &Self::Buffer, to: &mut Self::Buffer);
    /// `y += x`
    fn add(&self, x: &Self::Buffer, y: &mut Self::Buffer);
    /// `x *= factor`
    fn scale(&self, x: &mut Self::Buffer, factor: f32);
    /// `Σ x²` over all `arrays`, in double precision.
    fn square_sum(&self, arrays: &[&Self::Buffer]) -> f64;

    /// `out[i] = table[rows[i]]` from a weight `(table rows, width)`.
    fn embed(&self, table: &Self::Weight, rows: &[u32], out: &mut Self::Buffer);
    /// `out[i] = x[rows[i]]` for rows of `width`.
    fn gather(&self, x: &Self::Buffer, rows: &[u32], width: usize, out: &mut Self::Buffer);
    /// `out[rows[i]] = x[i]` (or `+=`); `rows` are distinct.
    fn scatter(
        &self,
        x: &Self::Buffer,
        rows: &[u32],
        width: usize,
        write: Write,
        out: &mut Self::Buffer,
    );

    /// `y = x Wᵀ + bias`: `x` is `(tokens, in)`, `y` `(tokens, out)`.
    fn linear(&self, x: &Self::Buffer, layer: Linear<Self>, write: Write, y: &mut Self::Buffer);
    /// `dx = dy W`: the gradient of [`Self::linear`] with respect to its input.
    fn linear_backward(
        &self,
        dy: &Self::Buffer,
        layer: Linear<Self>,
        write: Write,
        dx: &mut Self::Buffer,
    );
    /// Adds the gradients of a low-rank pair to `da` `(rank, in)` and `db` `(out, rank)`, given
    /// the layer's input `x` `(tokens, in)` and the gradient `dy` `(tokens, out)` of its output.
    fn lora_backward(
        &self,
        x: &Self::Buffer,
        dy: &Self::Buffer,
        lora: LoraView<Self::Buffer>,
        da: &mut Self::Buffer,
        db: &mut Self::Buffer,
    );

    /// RMS norm of each row of `x` `(tokens, hidden)`; of each head where `weight` is that long.
    fn rms_norm(&self, x: &Self::Buffer, weight: &Self::Buffer, eps: f32, y: &mut Self::Buffer);
    /// The gradient of [`Self::rms_norm`] with respect to `x`.
    fn rms_norm_backward(
        &self,
        dy: &Self::Buffer,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        eps: f32,
        write: Write,
        dx: &mut Self::Buffer,
    );
    /// Rotates the heads of `x` `(positions, heads · head_dim)` in place.
    fn rope(&self, x: &mut Self::Buffer, positions: &[u32], table: &RopeTable, rotation: Rotation);
    /// Forest attention; see [`AttentionPlan`]. `qkv` are `(queries, heads · head_dim)` and twice
    /// `(keys, kv_heads · head_dim)`.
    fn attention(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&Self::Buffer; 3],
        out: &mut Self::Buffer,
    );
    /// Gradients of [`Self::attention`] with respect to queries, keys and values.
    fn attention_backward(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&Self::Buffer; 3],
        dout: &Self::Buffer,
        gradients: [&mut Self::Buffer; 3],
    );
    /// `out = f(gate) · up`
    fn gated(
        &self,
        activation: Activation,
        gate: &Self::Buffer,
        up: &Self::Buffer,
        out: &mut Self::Buffer,
    );
    /// Replaces `gate` and `up` by their gradients.
    fn gated_backward(
        &self,
        activation: Activation,
        dout: &Self::Buffer,
        gate: &mut Self::Buffer,
        up: &mut Self::Buffer,
    );
    /// `x = cap · tanh(x / cap)`
    fn softcap(&self, x: &mut Self::Buffer, cap: f32);

    /// Log-probabilities of `targets` under `softmax(x Eᵀ)`, with `x` `(rows, hidden)` and the
    /// output embedding `E` `(vocab, hidden)`; targets ascend by row. With `dx` given, it receives
    /// the gradient of `Σ weight · −log p` with respect to `x`. With `softcap`, logits go through
    /// [`Self::softcap`].
    fn log_probs(
        &self,
        x: &Self::Buffer,
        head: &Self::Weight,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut Self::Buffer>,
    ) -> Vec<f32>;
    /// [`Self::log_probs`] into `found`, without waiting for them.
    fn log_probs_to(
        &self,
        x: &Self::Buffer,
        head: &Self::Weight,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut Self::Buffer>,
        found: &mut Self::Buffer,
    ) {
        *found = self.upload(&self.log_probs(x, head, softcap, targets, dx));
    }
    /// One AdamW step on every one of `tensors`.
    fn adamw(&self, settings: &AdamW, tensors: Vec<Parameters<Self::Buffer>>);
}
