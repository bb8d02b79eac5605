//! The [`Kernels`] of the CPU.

use super::linear::CpuWeight;
use super::{activation, attention, elementwise, linear, loss, rope};
use crate::checkpoint_files::RawTensor;
use crate::config::Activation;
use crate::forest::AttentionPlan;
use crate::kernels::KernelError;
use crate::kernels::{
    AdamW, AttentionShape, Kernels, Linear, LoraView, Parameters, RopeTable, Rotation, Target,
    Write,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The CPU device. Kernels share the threads of the current rayon pool.
#[derive(Debug, Default)]
pub struct CpuKernels {
    scratch: Mutex<Scratch>,
}

/// Memory that kernels reuse from call to call.
#[derive(Debug, Default)]
struct Scratch {
    weights: Vec<f32>,
    logits: Vec<f32>,
}

impl CpuKernels {
    fn scratch(&self) -> MutexGuard<'_, Scratch> {
        // A poisoned lock only means that another call panicked: the scratch holds no state.
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernels for CpuKernels {
    type Buffer = Vec<f32>;
    type Weight = CpuWeight;

    fn weight(&self, tensor: RawTensor) -> Result<CpuWeight, KernelError> {
        Ok(CpuWeight::mapped(tensor))
    }

    fn check_weight(&self, weight: &CpuWeight) -> Result<(), KernelError> {
        weight.check_finite()
    }

    fn merged(&self, layer: Linear<Self>) -> CpuWeight {
        layer.weight.merged(layer.lora)
    }

    fn upload(&self, data: &[f32]) -> Vec<f32> {
        data.to_vec()
    }

    fn download(&self, buffer: &Vec<f32>) -> Vec<f32> {
        buffer.clone()
    }

    fn prepare(&self, buffer: &mut Vec<f32>, len: usize) {
        buffer.resize(len, 0.0);
    }

    fn zero(&self, buffer: &mut Vec<f32>) {
        buffer.fill(0.0);
    }

    fn copy(&self, from: &Vec<f32>, to: &mut Vec<f32>) {
        to.clear();
        to.extend_from_slice(from);
    }

    fn add(&self, x: &Vec<f32>, y: &mut Vec<f32>) {
        elementwise::add(x, y);
    }

    fn scale(&self, x: &mut Vec<f32>, factor: f32) {
        elementwise::scale(x, factor);
    }

    fn square_sum(&self, arrays: &[&Vec<f32>]) -> f64 {
        arrays.iter().map(|x| elementwise::square_sum(x)).sum()
    }

    fn embed(&self, table: &CpuWeight, rows: &[u32], out: &mut Vec<f32>) {
        out.resize(rows.len() * table.columns(), 0.0);
        for (&row, out) in rows.iter().zip(out.chunks_mut(table.columns())) {
            table.widen(row as usize..row as usize + 1, out);
        }
    }

    fn gather(&self, x: &Vec<f32>, rows: &[u32], width: usize, out: &mut Vec<f32>) {
        out.resize(rows.len() * width, 0.0);
        elementwise::gather(x, rows, width, out);
    }

    fn scatter(&self, x: &Vec<f32>, rows: &[u32], width: usize, write: Write, out: &mut Vec<f32>) {
        elementwise::scatter(x, rows, width, write, out);
    }

    fn linear(&self, x: &Vec<f32>, layer: Linear<Self>, write: Write, y: &mut Vec<f32>) {
        y.resize(x.len() / layer.weight.columns() * layer.weight.rows(), 0.0);
        linear::linear(x, layer.weight, layer.lora, write, y, &mut self.scratch().weights);
        if let Some(bias) = layer.bias {
            elementwise::add_to_rows(bias, y);
        }
    }

    fn linear_backward(&self, dy: &Vec<f32>, layer: Linear<Self>, write: Write, dx: &mut Vec<f32>) {
        dx.resize(dy.len() / layer.weight.rows() * layer.weight.columns(), 0.0);
        let scratch = &mut self.scratch().weights;
        linear::linear_backward(dy, layer.weight, layer.lora, write, dx, scratch);
    }

    fn lora_backward(
        &self,
        x: &Vec<f32>,
        dy: &Vec<f32>,
        lora: LoraView<Vec<f32>>,
        da: &mut Vec<f32>,
        db: &mut Vec<f32>,
    ) {
        linear::lora_backward(x, dy, lora, da, db);
    }

    fn rms_norm(&self, x: &Vec<f32>, weight: &Vec<f32>, eps: f32, y: &mut Vec<f32>) {
        y.resize(x.len(), 0.0);
        elementwise::rms_norm(x, weight, eps, y);
    }

    fn rms_norm_backward(
        &self,
        dy: &Vec<f32>,
        x: &Vec<f32>,
        weight: &Vec<f32>,
        eps: f32,
        write: Write,
        dx: &mut Vec<f32>,
    ) {
        dx.resize(x.len(), 0.0);
        elementwise::rms_norm_backward(dy, x, weight, eps, write, dx);
    }

    fn rope(&self, x: &mut Vec<f32>, positions: &[u32], table: &RopeTable, rotation: Rotation) {
        rope::rope(x, positions, table, rotation);
    }

    fn attention(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        [q, k, v]: [&Vec<f32>; 3],
        out: &mut Vec<f32>,
    ) {
        out.resize(q.len(), 0.0);
        attention::attention(shape, plan, q, k, v, out);
    }

    fn attention_backward(
        &self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        [q, k, v]: [&Vec<f32>; 3],
        dout: &Vec<f32>,
        [dq, dk, dv]: [&mut Vec<f32>; 3],
    ) {
        dq.resize(q.len(), 0.0);
        dk.resize(k.len(), 0.0);
        dv.resize(v.len(), 0.0);
        attention::attention_backward(shape, plan, (q, k, v), dout, dq, dk, dv);
    }

    fn gated(&self, activation: Activation, gate: &Vec<f32>, up: &Vec<f32>, out: &mut Vec<f32>) {
        out.resize(gate.len(), 0.0);
        activation::gated(activation, gate, up, out);
    }

    fn gated_backward(
        &self,
        activation: Activation,
        dout: &Vec<f32>,
        gate: &mut Vec<f32>,
        up: &mut Vec<f32>,
    ) {
        activation::gated_backward(activation, dout, gate, up);
    }

    fn softcap(&self, x: &mut Vec<f32>, cap: f32) {
        activation::softcap(x, cap);
    }

    fn log_probs(
        &self,
        x: &Vec<f32>,
        head: &CpuWeight,
        softcap: Option<f32>,
        targets: &[Target],
        dx: Option<&mut Vec<f32>>,
    ) -> Vec<f32> {
        let dx = dx.map(|dx| {
            dx.resize(x.len(), 0.0);
            dx.as_mut_slice()
        });
        let scratch = &mut *self.scratch();
        let head = loss::Head { weight: head, softcap };
        loss::log_probs(x, head, targets, dx, &mut scratch.weights, &mut scratch.logits)
    }

    fn adamw(&self, settings: &AdamW, tensors: Vec<Parameters<Vec<f32>>>) {
        for Parameters { values, gradients, moments: [first, second] } in tensors {
            elementwise::adamw(settings, values, gradients, [first, second]);
        }
    }
}
