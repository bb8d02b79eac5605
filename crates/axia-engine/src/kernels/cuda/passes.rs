//! Passes over arrays: norms, rotations, activations, moves of rows, sums and AdamW steps.

use super::blas::Element;
use super::buffer::CudaBuffer;
use super::buffer::CudaWeight;
use super::buffer::Space;
use super::error::CudaError;
use super::queue::{Argument, Queue};
use super::queue::{Launch, layers};
use super::work::{Work, check_len};
use crate::config::Activation;
use crate::kernels::{AdamW, Parameters, RopeTable, Rotation, Write};

/// Most blocks that add up the squares of one array.
const SUM_BLOCKS: u64 = 64;
/// Most blocks that walk through one tensor of an AdamW step.
const STEP_BLOCKS: u64 = 256;

impl<Q: Queue> Work<'_, Q> {
    /// Runs a kernel that walks through `len` elements; its last argument is their number.
    ///
    /// # Safety
    /// As of [`Queue::launch`].
    unsafe fn elements(
        &self,
        kernel: &'static str,
        arguments: &[Argument],
        len: usize,
    ) -> Result<(), CudaError> {
        if len == 0 {
            return Ok(());
        }
        let mut arguments = arguments.to_vec();
        arguments.push(Argument::Long(len as u64));
        // SAFETY: the caller's.
        unsafe { self.launch(kernel, Launch::elements(len), &arguments) }
    }

    pub fn add(&self, x: &CudaBuffer<Q>, y: &mut CudaBuffer<Q>) -> Result<(), CudaError> {
        check_len("what is added", x, y.len())?;
        let arguments = [x.address(), y.address_mut()].map(Argument::Address);
        // SAFETY: both are as long as the second.
        unsafe { self.elements("add", &arguments, y.len()) }
    }

    pub fn scale(&self, x: &mut CudaBuffer<Q>, factor: f32) -> Result<(), CudaError> {
        let arguments = [Argument::Address(x.address_mut()), Argument::Float(factor)];
        // SAFETY: the length is the buffer's.
        unsafe { self.elements("scale", &arguments, x.len()) }
    }

    pub fn softcap(&self, x: &mut CudaBuffer<Q>, cap: f32) -> Result<(), CudaError> {
        let arguments = [Argument::Address(x.address_mut()), Argument::Float(cap)];
        // SAFETY: the length is the buffer's.
        unsafe { self.elements("soft_cap_all", &arguments, x.len()) }
    }

    pub fn gated(
        &self,
        activation: Activation,
        gate: &CudaBuffer<Q>,
        up: &CudaBuffer<Q>,
        out: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_len("what is gated", up, gate.len())?;
        let to = self.output(out, gate.len(), Write::Set)?;
        let mut arguments = vec![which(activation)];
        arguments.extend([gate.address(), up.address(), to].map(Argument::Address));
        // SAFETY: all three are as long as the first.
        unsafe { self.elements("gated", &arguments, gate.len()) }
    }

    pub fn gated_backward(
        &self,
        activation: Activation,
        dout: &CudaBuffer<Q>,
        gate: &mut CudaBuffer<Q>,
        up: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_len("the gradient of what was gated", dout, gate.len())?;
        check_len("what is gated", up, gate.len())?;
        let mut arguments = vec![which(activation)];
        let arrays = [dout.address(), gate.address_mut(), up.address_mut()];
        arguments.extend(arrays.map(Argument::Address));
        // SAFETY: all three are as long as the first.
        unsafe { self.elements("gated_backward", &arguments, gate.len()) }
    }

    pub fn rms_norm(
        &self,
        x: &CudaBuffer<Q>,
        weight: &CudaBuffer<Q>,
        eps: f32,
        y: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        let (rows, width) = whole_rows("what is normalised", x, weight.len())?;
        let to = self.output(y, x.len(), Write::Set)?;
        let arguments = [
            Argument::Address(x.address()),
            Argument::Address(weight.address()),
            Argument::Word(width as u32),
            Argument::Float(eps),
            Argument::Address(to),
        ];
        // SAFETY: x and y have that many rows.
        unsafe { self.over_rows("rms_norm", &arguments, rows, width) }
    }

    pub fn rms_norm_backward(
        &self,
        dy: &CudaBuffer<Q>,
        x: &CudaBuffer<Q>,
        weight: &CudaBuffer<Q>,
        eps: f32,
        write: Write,
        dx: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        let (rows, width) = whole_rows("what is normalised", x, weight.len())?;
        check_len("the gradient of a norm", dy, x.len())?;
        let to = self.output(dx, x.len(), write)?;
        let mut arguments = [dy, x, weight].map(|x| Argument::Address(x.address())).to_vec();
        arguments.extend([
            Argument::Word(width as u32),
            Argument::Float(eps),
            Argument::Word(u32::from(write == Write::Add)),
            Argument::Address(to),
        ]);
        // SAFETY: all arrays have that many rows.
        unsafe { self.over_rows("rms_norm_backward", &arguments, rows, width) }
    }

    pub fn rope(
        &mut self,
        x: &mut CudaBuffer<Q>,
        positions: &[u32],
        table: &RopeTable,
        rotation: Rotation,
    ) -> Result<(), CudaError> {
        let (rows, half) = (positions.len(), table.half());
        let width = x.len() / rows.max(1);
        check_len("what is rotated", x, rows * width)?;
        check_below("a position", positions, table.positions())?;
        let head_dim = table.head_dim();
        if !width.is_multiple_of(head_dim.max(1)) || 2 * half > head_dim {
            let (what, found) = ("a row that is rotated", width);
            return Err(CudaError::Length { what, found, wanted: head_dim });
        }
        // As many as are turned: of a head's numbers the leading ones, or all.
        let pairs = width / head_dim.max(1) * half;
        let queue = self.queue;
        let make = || {
            let mut spaces = [Space::default(), Space::default()];
            for (space, angles) in spaces.iter_mut().zip(table.angles()) {
                space.fill(queue, bytemuck::cast_slice(angles))?;
            }
            Ok((table.id(), spaces))
        };
        let [cosines, sines] = self.state.ropes.get(|id| *id == table.id(), make)?;
        let angles = [cosines.address(), sines.address()];
        let positions = self.state.indices.get(queue, positions)?;
        let sign = if rotation == Rotation::Forward { 1.0 } else { -1.0 };
        let mut arguments = vec![Argument::Address(x.address_mut()), Argument::Address(positions)];
        arguments.extend(angles.map(Argument::Address));
        arguments.extend([width, pairs, head_dim, half].map(|n| Argument::Word(n as u32)));
        arguments.push(Argument::Float(sign));
        // SAFETY: x has that many rows, and the table covers the positions.
        unsafe { self.over_rows("rope", &arguments, rows, pairs) }
    }

    pub fn embed(
        &mut self,
        table: &CudaWeight<Q>,
        rows: &[u32],
        out: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_below("a token", rows, table.rows())?;
        let to = self.output(out, rows.len() * table.columns(), Write::Set)?;
        let kernel = if table.element() == Element::F32 { "gather" } else { "gather_bf16" };
        // SAFETY: rows are in the table, and out was just made long enough.
        unsafe { self.moves(kernel, table.operand().address, rows, table.columns(), to) }
    }

    pub fn gather(
        &mut self,
        x: &CudaBuffer<Q>,
        rows: &[u32],
        width: usize,
        out: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_below("a row to gather", rows, x.len() / width.max(1))?;
        let to = self.output(out, rows.len() * width, Write::Set)?;
        // SAFETY: as in `embed`.
        unsafe { self.moves("gather", x.address(), rows, width, to) }
    }

    pub fn scatter(
        &mut self,
        x: &CudaBuffer<Q>,
        rows: &[u32],
        width: usize,
        write: Write,
        out: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_len("what is scattered", x, rows.len() * width)?;
        check_below("a row to scatter to", rows, out.len() / width.max(1))?;
        let kernel = if write == Write::Add { "scatter_add" } else { "scatter" };
        // SAFETY: rows are in both arrays.
        unsafe { self.moves(kernel, x.address(), rows, width, out.address_mut()) }
    }

    /// # Safety
    /// The rows must be in the arrays.
    unsafe fn moves(
        &mut self,
        kernel: &'static str,
        from: u64,
        rows: &[u32],
        width: usize,
        to: u64,
    ) -> Result<(), CudaError> {
        let indices = self.state.indices.get(self.queue, rows)?;
        let arguments = [
            Argument::Address(from),
            Argument::Address(indices),
            Argument::Word(width as u32),
            Argument::Address(to),
        ];
        // SAFETY: the caller's.
        unsafe { self.over_rows(kernel, &arguments, rows.len(), width) }
    }

    /// Runs a kernel with a block per row.
    ///
    /// # Safety
    /// As of [`Queue::launch`].
    unsafe fn over_rows(
        &self,
        kernel: &'static str,
        arguments: &[Argument],
        rows: usize,
        width: usize,
    ) -> Result<(), CudaError> {
        if rows == 0 || width == 0 {
            return Ok(());
        }
        // SAFETY: the caller's.
        unsafe { self.launch(kernel, Launch::rows_by_fours(rows, width)?, arguments) }
    }

    /// `Σ x²` over all arrays, in double precision and a fixed order.
    pub fn square_sum(&mut self, arrays: &[&CudaBuffer<Q>]) -> Result<f64, CudaError> {
        let longest = arrays.iter().map(|x| x.len()).max().unwrap_or(0);
        if longest == 0 {
            return Ok(0.0);
        }
        let addresses = arrays.iter().map(|x| x.address());
        let table: Vec<u64> = addresses.chain(arrays.iter().map(|x| x.len() as u64)).collect();
        let at = self.state.table.fill(self.queue, bytemuck::cast_slice(&table))?;
        let count = layers("a sum", "arrays", arrays.len())?;
        let launch = Launch::walkers(longest, SUM_BLOCKS, count);
        let mut parts = vec![0f64; launch.grid[0] as usize * arrays.len()];
        let found = self.state.found.reserve(self.queue, 8 * parts.len())?;
        let lengths = at + 8 * arrays.len() as u64;
        let arguments = [at, lengths, found].map(Argument::Address);
        // SAFETY: the table names the arrays, and there is a place for what every block finds.
        unsafe { self.launch("square_sums", launch, &arguments)? };
        self.state.found.read(self.queue, bytemuck::cast_slice_mut(&mut parts))?;
        Ok(parts.iter().sum())
    }

    pub fn adamw(
        &mut self,
        settings: &AdamW,
        tensors: Vec<Parameters<CudaBuffer<Q>>>,
    ) -> Result<(), CudaError> {
        let mut table: Vec<[u64; 5]> = Vec::with_capacity(tensors.len());
        let mut longest = 0;
        for Parameters { values, gradients, moments: [first, second] } in tensors {
            let len = values.len();
            check_len("the gradients of a tensor", gradients, len)?;
            check_len("the first moments of a tensor", first, len)?;
            check_len("the second moments of a tensor", second, len)?;
            longest = longest.max(len);
            let moments = [first.address_mut(), second.address_mut()];
            let [first, second] = moments;
            let row = [values.address_mut(), gradients.address(), first, second, len as u64];
            table.push(row);
        }
        if longest == 0 {
            return Ok(());
        }
        let at = self.state.table.fill(self.queue, bytemuck::cast_slice(&table))?;
        let mut arguments = vec![Argument::Address(at)];
        arguments.extend(factors(settings).map(Argument::Float));
        let count = layers("a step", "tensors", table.len())?;
        // SAFETY: the table names the tensors.
        unsafe {
            self.launch(
                "adamw",
                Launch::walkers(longest.div_ceil(4), STEP_BLOCKS, count),
                &arguments,
            )
        }
    }
}

/// The kernel's factors, computed in double precision: what is kept of a parameter, the step, the
/// factor on the root of the second moment, and the decays with what they leave.
fn factors(s: &AdamW) -> [f32; 8] {
    let correction = |beta: f64| 1.0 - beta.powf(s.step as f64);
    [
        1.0 - s.lr * s.weight_decay,
        s.lr / correction(s.beta1),
        1.0 / correction(s.beta2).sqrt(),
        s.beta1,
        1.0 - s.beta1,
        s.beta2,
        1.0 - s.beta2,
        s.eps,
    ]
    .map(|factor| factor as f32)
}

/// The kernel's number for an activation.
fn which(activation: Activation) -> Argument {
    Argument::Word(match activation {
        Activation::Silu => 0,
        Activation::GeluTanh => 1,
        Activation::Gelu => 2,
        Activation::Relu => 3,
    })
}

/// Rows of `width` in `x`, and `width`.
fn whole_rows<Q: Queue>(
    what: &'static str,
    x: &CudaBuffer<Q>,
    width: usize,
) -> Result<(usize, usize), CudaError> {
    let rows = x.len() / width.max(1);
    check_len(what, x, rows * width)?;
    Ok((rows, width))
}

/// An error unless all of `indices` are below `count`.
fn check_below(what: &'static str, indices: &[u32], count: usize) -> Result<(), CudaError> {
    match indices.iter().max() {
        Some(&most) if most as usize >= count => {
            Err(CudaError::Index { what, found: most as usize, count })
        }
        _ => Ok(()),
    }
}
