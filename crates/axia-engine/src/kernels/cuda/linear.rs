//! Linear layers with low-rank updates, forward and backward, and the loss over the vocabulary.

use super::blas::{Element, Operand};
use super::buffer::{CudaBuffer, CudaWeight, Space};
use super::error::CudaError;
use super::queue::{Argument, Launch, Queue};
use super::work::{Work, check_len};
use crate::kernels::{LoraView, Target, Write};
use std::ops::Range;
use std::sync::Arc;

/// The factor on what a buffer holds already.
fn beta(write: Write) -> f32 {
    if write == Write::Add { 1.0 } else { 0.0 }
}

impl<Q: Queue> Work<'_, Q> {
    /// Where to write `len` numbers of `y`: over what is there, or to a `y` of that length.
    pub fn output(
        &self,
        y: &mut CudaBuffer<Q>,
        len: usize,
        write: Write,
    ) -> Result<u64, CudaError> {
        match write {
            Write::Set => y.resize(self.queue, len),
            Write::Add => {
                check_len("what is added to", y, len)?;
                Ok(y.address_mut())
            }
        }
    }

    /// `y = x (W + scale · B A)ᵀ + bias`
    pub fn linear(
        &mut self,
        x: &CudaBuffer<Q>,
        weight: &CudaWeight<Q>,
        bias: Option<&CudaBuffer<Q>>,
        lora: Option<LoraView<CudaBuffer<Q>>>,
        write: Write,
        y: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        let (out, input) = (weight.rows(), weight.columns());
        let tokens = x.len() / input.max(1);
        check_len("a layer's input", x, tokens * input)?;
        let to = self.output(y, tokens * out, write)?;
        let from = self.operand(x)?;
        // SAFETY: the shapes are those of the buffers, which live until the queue has done.
        unsafe {
            let sizes = (tokens, out, input);
            self.multiply(from, weight.operand().t(), sizes, (1.0, beta(write)), f32_at(to))?;
            if let Some(lora) = lora {
                let low = self.low_rank(from, lora, tokens, input)?;
                check_len("an adapter's B", lora.b, out * lora.rank)?;
                let b = self.factor(1, lora.b)?.t();
                let sizes = (tokens, out, lora.rank);
                self.multiply(low, b, sizes, (lora.scale, 1.0), f32_at(to))?;
            }
            if let Some(bias) = bias {
                check_len("a bias", bias, out)?;
                self.add_to_rows(bias, to, tokens * out)?;
            }
        }
        Ok(())
    }

    /// `dx = dy (W + scale · B A)`
    pub fn linear_backward(
        &mut self,
        dy: &CudaBuffer<Q>,
        weight: &CudaWeight<Q>,
        lora: Option<LoraView<CudaBuffer<Q>>>,
        write: Write,
        dx: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        let (out, input) = (weight.rows(), weight.columns());
        let tokens = dy.len() / out.max(1);
        check_len("the gradient of a layer's output", dy, tokens * out)?;
        let to = self.output(dx, tokens * input, write)?;
        let from = self.operand(dy)?;
        // SAFETY: as in `linear`.
        unsafe {
            let sizes = (tokens, input, out);
            self.multiply(from, weight.operand(), sizes, (1.0, beta(write)), f32_at(to))?;
            if let Some(lora) = lora {
                let low = self.low_rank_gradient((dy, from), lora, tokens, out)?;
                check_len("an adapter's A", lora.a, lora.rank * input)?;
                let a = self.factor(0, lora.a)?;
                let sizes = (tokens, input, lora.rank);
                self.multiply(low, a, sizes, (lora.scale, 1.0), f32_at(to))?;
            }
        }
        Ok(())
    }

    /// `db += scale · dyᵀ (x Aᵀ)` and `da += scale · (dy B)ᵀ x`
    pub fn lora_backward(
        &mut self,
        x: &CudaBuffer<Q>,
        dy: &CudaBuffer<Q>,
        lora: LoraView<CudaBuffer<Q>>,
        da: &mut CudaBuffer<Q>,
        db: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        let rank = lora.rank.max(1);
        let (input, out) = (lora.a.len() / rank, lora.b.len() / rank);
        let tokens = x.len() / input.max(1);
        check_len("a layer's input", x, tokens * input)?;
        check_len("the gradient of a layer's output", dy, tokens * out)?;
        let (from, given) = (self.operand(x)?, self.operand(dy)?);
        let to_a = self.output(da, rank * input, Write::Add)?;
        let to_b = self.output(db, out * rank, Write::Add)?;
        let factors = (lora.scale, 1.0);
        // SAFETY: as in `linear`.
        unsafe {
            let low = self.low_rank(from, lora, tokens, input)?;
            self.multiply(given.t(), low, (out, rank, tokens), factors, f32_at(to_b))?;
            let low = self.low_rank_gradient((dy, given), lora, tokens, out)?;
            self.multiply(low.t(), from, (rank, input, tokens), factors, f32_at(to_a))
        }
    }

    /// `x Aᵀ` `(tokens, rank)`
    ///
    /// # Safety
    /// `x` must be `(tokens, input)` in memory of the queue.
    unsafe fn low_rank(
        &mut self,
        x: Operand,
        lora: LoraView<CudaBuffer<Q>>,
        tokens: usize,
        input: usize,
    ) -> Result<Operand, CudaError> {
        check_len("an adapter's A", lora.a, lora.rank * input)?;
        let a = self.factor(0, lora.a)?.t();
        // SAFETY: the caller's.
        unsafe { self.low_product(x, a, (tokens, lora.rank, input)) }
    }

    /// `dy B` `(tokens, rank)`, with `from` the operand of `dy`. It stays in `low` until another product
    /// takes its place: the adapter's gradients and that of the layer's input need the same.
    ///
    /// # Safety
    /// `dy` must be `(tokens, out)` in memory of the queue.
    unsafe fn low_rank_gradient(
        &mut self,
        (dy, from): (&CudaBuffer<Q>, Operand),
        lora: LoraView<CudaBuffer<Q>>,
        tokens: usize,
        out: usize,
    ) -> Result<Operand, CudaError> {
        check_len("an adapter's B", lora.b, out * lora.rank)?;
        let versions = [dy.version(), lora.b.version()];
        if self.state.low_gradient == Some(versions) {
            return Ok(Operand::plain(self.state.low.address(), self.element()));
        }
        let b = self.factor(1, lora.b)?;
        // SAFETY: the caller's.
        let low = unsafe { self.low_product(from, b, (tokens, lora.rank, out)) }?;
        self.state.low_gradient = Some(versions);
        Ok(low)
    }

    /// A product that is itself a factor of the next.
    unsafe fn low_product(
        &mut self,
        a: Operand,
        b: Operand,
        sizes: (usize, usize, usize),
    ) -> Result<Operand, CudaError> {
        let element = self.element();
        self.state.low_gradient = None;
        let to = self.state.low.reserve(self.queue, sizes.0 * sizes.1 * element.size())?;
        // SAFETY: the caller's, and `low` was just made long enough.
        unsafe { self.multiply(a, b, sizes, (1.0, 0.0), (to, element))? };
        Ok(Operand::plain(to, element))
    }

    fn add_to_rows(&self, row: &CudaBuffer<Q>, to: u64, len: usize) -> Result<(), CudaError> {
        let arguments = [
            Argument::Address(row.address()),
            Argument::Address(to),
            Argument::Word(row.len() as u32),
            Argument::Long(len as u64),
        ];
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the caller's buffers are that long.
        unsafe { self.launch("add_to_rows", Launch::elements(len), &arguments) }
    }

    /// A layer's matrix with its low-rank update merged in; without one, the same matrix again.
    pub fn merged(
        &mut self,
        weight: &CudaWeight<Q>,
        lora: Option<LoraView<CudaBuffer<Q>>>,
    ) -> Result<CudaWeight<Q>, CudaError> {
        let Some(lora) = lora else { return Ok(weight.shared()) };
        let (out, input) = (weight.rows(), weight.columns());
        let len = out * input;
        check_len("an adapter's A", lora.a, lora.rank * input)?;
        check_len("an adapter's B", lora.b, out * lora.rank)?;
        let (a, b) = (self.factor(0, lora.a)?, self.factor(1, lora.b)?);
        let mut space = Space::default();
        let to = space.reserve(self.queue, len * self.element().size())?;
        let wide = match self.element() {
            Element::F32 => to,
            Element::Bf16 => self.state.staging.reserve(self.queue, 4 * len)?,
        };
        let from = weight.operand().address;
        let arguments =
            [Argument::Address(from), Argument::Address(wide), Argument::Long(len as u64)];
        // SAFETY: both matrices have `len` numbers.
        unsafe {
            match self.element() {
                Element::F32 => space.copy(self.queue, weight.space(), 4 * len)?,
                Element::Bf16 => self.launch("from_bf16", Launch::elements(len), &arguments)?,
            }
            let sizes = (out, input, lora.rank);
            self.multiply(b, a, sizes, (lora.scale, 1.0), f32_at(wide))?;
        }
        if self.element() == Element::Bf16 {
            self.to_bf16(wide, to, len)?;
        }
        Ok(CudaWeight::new(Arc::new(space), self.element(), (out, input), None))
    }
}

/// f32 output.
pub(super) fn f32_at(address: u64) -> (u64, Element) {
    (address, Element::F32)
}

/// Logits held at a time (256 MB); rows beyond are computed in further rounds.
const LOGITS: usize = 64 << 20;

impl<Q: Queue> Work<'_, Q> {
    /// See [`crate::kernels::Kernels::log_probs`].
    pub fn log_probs(
        &mut self,
        x: &CudaBuffer<Q>,
        head: &CudaWeight<Q>,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut CudaBuffer<Q>>,
    ) -> Result<Vec<f32>, CudaError> {
        let found = self.state.found.reserve(self.queue, 4 * targets.len())?;
        self.queue_log_probs(x, head, softcap, targets, dx, found)?;
        let mut values = vec![0f32; targets.len()];
        self.state.found.read(self.queue, bytemuck::cast_slice_mut(&mut values))?;
        Ok(values)
    }

    /// [`Self::log_probs`] to the address `found`, where there is room for one number per target.
    pub fn queue_log_probs(
        &mut self,
        x: &CudaBuffer<Q>,
        head: &CudaWeight<Q>,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut CudaBuffer<Q>>,
        found: u64,
    ) -> Result<(), CudaError> {
        let (vocab, hidden) = (head.rows(), head.columns());
        let rows = x.len() / hidden.max(1);
        check_len("the final hidden states", x, rows * hidden)?;
        let gradient = match dx {
            Some(dx) => Some(self.output(dx, x.len(), Write::Set)?),
            None => None,
        };
        check_targets(targets, rows, vocab)?;
        self.upload_targets(rows, targets)?;
        let from = self.operand(x)?;
        let step = (LOGITS / vocab.max(1)).clamp(1, rows.max(1));
        for first in (0..rows).step_by(step) {
            let part = first..(first + step).min(rows);
            self.read_rows(from, head, softcap, part, (found, gradient))?;
        }
        Ok(())
    }

    fn upload_targets(&mut self, rows: usize, targets: &[Target]) -> Result<(), CudaError> {
        let starts: Vec<u32> =
            (0..=rows).map(|row| targets.partition_point(|t| t.row < row) as u32).collect();
        let tokens: Vec<u32> = targets.iter().map(|t| t.token).collect();
        let weights: Vec<f32> = targets.iter().map(|t| t.weight).collect();
        let spaces = &mut self.state.loss.targets;
        spaces[0].fill(self.queue, bytemuck::cast_slice(&starts))?;
        spaces[1].fill(self.queue, bytemuck::cast_slice(&tokens))?;
        spaces[2].fill(self.queue, bytemuck::cast_slice(&weights))?;
        Ok(())
    }

    /// Reads the targets of some rows, and turns their logits into gradients where wanted.
    fn read_rows(
        &mut self,
        x: Operand,
        head: &CudaWeight<Q>,
        softcap: Option<f32>,
        rows: Range<usize>,
        (found, gradient): (u64, Option<u64>),
    ) -> Result<(), CudaError> {
        let (vocab, hidden, count) = (head.rows(), head.columns(), rows.len());
        let element = self.element();
        let logits = self.state.loss.logits.reserve(self.queue, 4 * count * vocab)?;
        let before = (rows.start * hidden * element.size()) as u64;
        let x = Operand { address: x.address + before, ..x };
        let [starts, tokens, weights] = self.state.loss.targets.each_ref().map(|s| s.address());
        let arguments = [
            Argument::Address(logits),
            Argument::Word(vocab as u32),
            Argument::Float(softcap.unwrap_or(0.0)),
            Argument::Address(starts + 4 * rows.start as u64),
            Argument::Address(tokens),
            Argument::Address(weights),
            Argument::Word(u32::from(gradient.is_some())),
            Argument::Address(found),
        ];
        // SAFETY: rows of x, logits and targets are as long as they were made above; targets name
        // tokens of the vocabulary, which callers check before anything is computed.
        unsafe {
            let sizes = (count, vocab, hidden);
            self.multiply(x, head.operand().t(), sizes, (1.0, 0.0), f32_at(logits))?;
            self.launch("loss_rows", Launch::rows(count, vocab)?, &arguments)?;
        }
        let Some(gradient) = gradient else { return Ok(()) };
        let dlogits = match element {
            Element::F32 => logits,
            Element::Bf16 => {
                let to = self.state.loss.dlogits.reserve(self.queue, 2 * count * vocab)?;
                self.to_bf16(logits, to, count * vocab)?;
                to
            }
        };
        let to = gradient + (4 * rows.start * hidden) as u64;
        let dlogits = Operand::plain(dlogits, element);
        // SAFETY: as above.
        unsafe {
            let sizes = (count, hidden, vocab);
            self.multiply(dlogits, head.operand(), sizes, (1.0, 0.0), f32_at(to))
        }
    }
}

/// An error unless targets name rows and tokens that there are.
fn check_targets(targets: &[Target], rows: usize, vocab: usize) -> Result<(), CudaError> {
    for target in targets {
        let found =
            [("a target's row", target.row, rows), ("a token", target.token as usize, vocab)];
        for (what, found, count) in found {
            if found >= count {
                return Err(CudaError::Index { what, found, count });
            }
        }
    }
    Ok(())
}
