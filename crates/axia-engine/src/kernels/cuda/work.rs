//! The card's work in progress: its queue and the memory that kernels reuse from call to call.

use super::attention_plan::Tiles;
use super::blas::{Element, Matmul, Operand};
use super::buffer::{CudaBuffer, Space};
use super::error::CudaError;
use super::kernels::Precision;
use super::queue::Launch;
use super::queue::Times;
use super::queue::{Argument, Queue};
use std::time::Instant;

/// Activations kept as bf16 besides: a block's backward pass goes to and fro between four.
const CONVERTED: usize = 4;
/// Plans kept on the card: those of all tokens and of the last block's, with and without a window,
/// for both passes, and as many of the pass before.
const PLANS: usize = 16;

/// What kernels reuse from call to call.
pub(super) struct State<Q: Queue> {
    /// The first failure; nothing is computed after it.
    pub error: Option<CudaError>,
    /// Activations as bf16, by their buffers' version, least recently used first.
    converted: Vec<(u64, Space<Q>)>,
    /// A low-rank pair as bf16.
    factors: [Space<Q>; 2],
    /// What lies between the two factors `(tokens, rank)`.
    pub low: Space<Q>,
    /// The versions of the gradient and of the factor B whose product `low` holds, if it is one.
    pub low_gradient: Option<[u64; 2]>,
    /// f32 numbers on their way to becoming a weight.
    pub staging: Space<Q>,
    pub loss: LossSpaces<Q>,
    pub attention: AttentionSpaces<Q>,
    pub indices: Indices<Q>,
    /// Plans by their number, queries' heads per key head, and rows per tile.
    pub plans: Tables<(u64, usize, u32), PlanOnCard<Q>>,
    /// Cosines and sines by their table's number.
    pub ropes: Tables<u64, [Space<Q>; 2]>,
    /// Arguments that are longer than a kernel takes them.
    pub table: Space<Q>,
    /// What is read back.
    pub found: Space<Q>,
    /// Where the time goes, once somebody has asked.
    pub times: Option<Times>,
}

/// Memory of the loss.
pub(super) struct LossSpaces<Q: Queue> {
    pub logits: Space<Q>,
    /// Their gradient as bf16.
    pub dlogits: Space<Q>,
    /// Where each row's targets begin, their tokens, their weights.
    pub targets: [Space<Q>; 3],
}

/// Memory of attention's backward pass.
pub(super) struct AttentionSpaces<Q: Queue> {
    /// The forward pass's output `(queries, heads · head_dim)`.
    pub out: Space<Q>,
    /// `(queries, heads)`
    pub log_sums: Space<Q>,
    /// `(queries, heads)`
    pub delta: Space<Q>,
    pub partial: Space<Q>,
}

/// An attention plan on the card; see [`Tiles`] and [`super::attention_plan::KeyWork`].
pub(super) struct PlanOnCard<Q: Queue> {
    pub tiles: Tiles,
    /// Tiles, runs, what queries see.
    pub tables: [Space<Q>; 3],
    pub key_work: Option<KeyWorkOnCard<Q>>,
}

pub(super) struct KeyWorkOnCard<Q: Queue> {
    pub keys: usize,
    pub items: usize,
    pub slots: usize,
    pub slot_count: usize,
    /// Items, entries, slots.
    pub tables: [Space<Q>; 3],
}

impl<Q: Queue> Default for State<Q> {
    fn default() -> Self {
        let space = Space::default;
        Self {
            error: None,
            converted: Vec::new(),
            factors: [space(), space()],
            low: space(),
            low_gradient: None,
            staging: space(),
            loss: LossSpaces {
                logits: space(),
                dlogits: space(),
                targets: [space(), space(), space()],
            },
            attention: AttentionSpaces {
                out: space(),
                log_sums: space(),
                delta: space(),
                partial: space(),
            },
            indices: Indices::default(),
            plans: Tables::new(PLANS),
            ropes: Tables::new(4),
            table: space(),
            found: space(),
            times: None,
        }
    }
}

/// One call's access to the card.
pub(super) struct Work<'a, Q: Queue> {
    pub queue: &'a Q,
    pub precision: Precision,
    pub state: &'a mut State<Q>,
}

impl<Q: Queue> Work<'_, Q> {
    /// How the factors of matrix products are stored.
    pub fn element(&self) -> Element {
        self.precision.element()
    }

    /// Runs a kernel of [`super::SOURCES`].
    ///
    /// # Safety
    /// As of [`Queue::launch`].
    pub unsafe fn launch(
        &self,
        kernel: &'static str,
        launch: Launch,
        arguments: &[Argument],
    ) -> Result<(), CudaError> {
        // SAFETY: the caller's.
        self.timed(kernel, || unsafe { self.queue.launch(kernel, launch, arguments) })
    }

    /// Does some work; where times are asked for, waits until it is done.
    fn timed(
        &self,
        kernel: &'static str,
        work: impl FnOnce() -> Result<(), CudaError>,
    ) -> Result<(), CudaError> {
        let Some(times) = &self.state.times else { return work() };
        self.queue.finish()?;
        let started = Instant::now();
        work()?;
        self.queue.finish()?;
        times.add(kernel, started.elapsed());
        Ok(())
    }

    /// `out (m, n) = alpha · a b + beta · out`
    ///
    /// # Safety
    /// The matrices must lie in memory of the queue.
    #[allow(clippy::too_many_arguments)] // a product in the terms of BLAS
    pub unsafe fn multiply(
        &self,
        a: Operand,
        b: Operand,
        (m, n, k): (usize, usize, usize),
        (alpha, beta): (f32, f32),
        (out, out_element): (u64, Element),
    ) -> Result<(), CudaError> {
        if m == 0 || n == 0 {
            return Ok(());
        }
        let tf32 = self.precision == Precision::Tf32;
        let product = Matmul { a, b, out, out_element, m, n, k, alpha, beta, tf32 };
        // SAFETY: the caller's.
        self.timed("matrix products", || unsafe { self.queue.multiply(&product) })
    }

    /// A buffer as a factor of products: itself, or its bf16 copy, which the next few calls with
    /// the same contents find again. The two last asked for stay valid.
    pub fn operand(&mut self, x: &CudaBuffer<Q>) -> Result<Operand, CudaError> {
        if self.element() == Element::F32 {
            return Ok(Operand::plain(x.address(), Element::F32));
        }
        let version = x.version();
        let converted = &mut self.state.converted;
        match converted.iter().position(|(of, _)| *of == version) {
            Some(found) => converted[found..].rotate_left(1),
            None => {
                // Taken out until it holds what it says.
                let mut space = match converted.len() < CONVERTED {
                    true => Space::default(),
                    false => converted.remove(0).1,
                };
                let to = space.reserve(self.queue, 2 * x.len())?;
                self.to_bf16(x.address(), to, x.len())?;
                self.state.converted.push((version, space));
            }
        }
        let address = self.state.converted.last().map_or(0, |(_, space)| space.address());
        Ok(Operand::plain(address, Element::Bf16))
    }

    /// Factor `which` of a low-rank pair as a factor of products.
    pub fn factor(&mut self, which: usize, x: &CudaBuffer<Q>) -> Result<Operand, CudaError> {
        if self.element() == Element::F32 {
            return Ok(Operand::plain(x.address(), Element::F32));
        }
        let to = self.state.factors[which].reserve(self.queue, 2 * x.len())?;
        self.to_bf16(x.address(), to, x.len())?;
        Ok(Operand::plain(to, Element::Bf16))
    }

    /// Rounds `len` numbers.
    pub fn to_bf16(&self, from: u64, to: u64, len: usize) -> Result<(), CudaError> {
        let arguments =
            [Argument::Address(from), Argument::Address(to), Argument::Long(len as u64)];
        // SAFETY: callers give two arrays of `len`.
        unsafe { self.launch("to_bf16", Launch::elements(len), &arguments) }
    }
}

/// An error unless `buffer` is `wanted` long.
pub(super) fn check_len<Q: Queue>(
    what: &'static str,
    buffer: &CudaBuffer<Q>,
    wanted: usize,
) -> Result<(), CudaError> {
    let found = buffer.len();
    if found == wanted { Ok(()) } else { Err(CudaError::Length { what, found, wanted }) }
}

/// The last few tables made, newest last.
pub(super) struct Tables<K, T> {
    kept: Vec<(K, T)>,
    most: usize,
}

impl<K, T> Tables<K, T> {
    /// Keeps the last `most` (at least 1) tables.
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most }
    }

    /// The table that `is_wanted` recognises, or the one that `make` makes.
    pub fn get(
        &mut self,
        is_wanted: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Result<(K, T), CudaError>,
    ) -> Result<&mut T, CudaError> {
        match self.kept.iter().position(|(key, _)| is_wanted(key)) {
            Some(found) => self.kept[found..].rotate_left(1),
            None => {
                let made = make()?;
                if self.kept.len() >= self.most {
                    self.kept.remove(0);
                }
                self.kept.push(made);
            }
        }
        let last = self.kept.len() - 1;
        Ok(&mut self.kept[last].1)
    }
}

/// Numbers of rows and positions, by what they are.
pub(super) struct Indices<Q: Queue>(Tables<Vec<u32>, Space<Q>>);

impl<Q: Queue> Default for Indices<Q> {
    fn default() -> Self {
        Self(Tables::new(8))
    }
}

impl<Q: Queue> Indices<Q> {
    /// Where `numbers` stand on the card.
    pub fn get(&mut self, queue: &Q, numbers: &[u32]) -> Result<u64, CudaError> {
        let space = self.0.get(
            |key| key == numbers,
            || {
                let mut space = Space::default();
                space.fill(queue, bytemuck::cast_slice(numbers))?;
                Ok((numbers.to_vec(), space))
            },
        )?;
        Ok(space.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_used_longest_ago_goes_first() {
        let mut tables = Tables::new(2);
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 2] {
            let make = || {
                made.push(key);
                Ok((key, 10 * key))
            };
            assert_eq!(*tables.get(|k| *k == key, make).unwrap(), 10 * key);
        }
        assert_eq!(made, [1, 2, 3, 2]);
    }
}
