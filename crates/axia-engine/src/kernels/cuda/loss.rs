//! Log-probabilities of chosen tokens, and the gradient of their weighted sum.

use super::buffer::CudaBuffer;
use super::error::CudaError;
use super::linear::f32_at;
use super::matmul::{Element, Operand};
use super::queue::Launch;
use super::queue::{Argument, Queue};
use super::weight::CudaWeight;
use super::work::{Work, check_len};
use crate::kernels::{Target, Write};
use std::ops::Range;

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
