//! Forest attention, forward and backward.

use super::attention_class::{AttentionClass, KEYS};
use super::attention_plan::{KeyWork, Tiles};
use super::blas::Element;
use super::buffer::CudaBuffer;
use super::buffer::Space;
use super::error::CudaError;
use super::queue::{Argument, Queue};
use super::queue::{Launch, layers};
use super::work::{KeyWorkOnCard, PlanOnCard, Work, check_len};
use crate::forest::AttentionPlan;
use crate::kernels::{AttentionShape, Write};

/// Where a pass's arrays stand.
struct Addresses {
    tiles: u64,
    runs: u64,
    seen: u64,
}

impl<Q: Queue> Work<'_, Q> {
    /// See [`crate::kernels::Kernels::attention`].
    pub fn attention(
        &mut self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&CudaBuffer<Q>; 3],
        out: &mut CudaBuffer<Q>,
    ) -> Result<(), CudaError> {
        check_inputs(shape, plan, qkv)?;
        let class = AttentionClass::of(shape.head_dim, self.element())?;
        let to = self.output(out, qkv[0].len(), Write::Set)?;
        self.attend(shape, class, (plan, class.forward_rows), qkv, [to, 0])
    }

    /// Runs the forward kernel over tiles of `rows` rows; `out` and, unless it is 0, `log_sums` are
    /// written.
    fn attend(
        &mut self,
        shape: &AttentionShape,
        class: AttentionClass,
        (plan, rows): (&AttentionPlan, u32),
        qkv: [&CudaBuffer<Q>; 3],
        [out, log_sums]: [u64; 2],
    ) -> Result<(), CudaError> {
        let (tables, count, most_rows) = self.plan(shape, plan, rows)?;
        if count == 0 {
            return Ok(());
        }
        let (kernel, launch) =
            class.forward(count, shape.kv_heads, most_rows, (rows, log_sums != 0))?;
        let mut arguments = qkv.map(|x| Argument::Address(x.address())).to_vec();
        arguments.extend([tables.tiles, tables.runs, tables.seen].map(Argument::Address));
        arguments.extend(layer(shape));
        arguments.extend([out, log_sums].map(Argument::Address));
        // SAFETY: lengths were checked against the plan, whose tables name its keys alone.
        unsafe { self.launch(kernel, launch, &arguments) }
    }

    /// See [`crate::kernels::Kernels::attention_backward`].
    ///
    /// The forward pass is computed once more for the rows' log-sums and outputs.
    pub fn attention_backward(
        &mut self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        qkv: [&CudaBuffer<Q>; 3],
        dout: &CudaBuffer<Q>,
        [dq, dk, dv]: [&mut CudaBuffer<Q>; 3],
    ) -> Result<(), CudaError> {
        check_inputs(shape, plan, qkv)?;
        let [q, k, v] = qkv;
        check_len("the gradient of attention's output", dout, q.len())?;
        let class = AttentionClass::of(shape.head_dim, self.element())?;
        let heads = plan.queries().len() * shape.heads;
        let spaces = &mut self.state.attention;
        let out = spaces.out.reserve(self.queue, 4 * q.len())?;
        let log_sums = spaces.log_sums.reserve(self.queue, 4 * heads)?;
        let delta = spaces.delta.reserve(self.queue, 4 * heads)?;
        let to_q = self.output(dq, q.len(), Write::Set)?;
        let to_k = self.output(dk, k.len(), Write::Set)?;
        let to_v = self.output(dv, v.len(), Write::Set)?;
        // Keys that nobody sees.
        dk.clear(self.queue)?;
        dv.clear(self.queue)?;
        let rows = class.backward_rows;
        self.attend(shape, class, (plan, rows), qkv, [out, log_sums])?;
        let (tables, count, most_rows) = self.plan(shape, plan, rows)?;
        if count == 0 {
            return Ok(());
        }
        let delta_arguments = [
            Argument::Address(dout.address()),
            Argument::Address(out),
            Argument::Word(shape.head_dim as u32),
            Argument::Long(heads as u64),
            Argument::Word(u32::from(self.element() == Element::Bf16)),
            Argument::Address(delta),
        ];
        let inputs = [q.address(), k.address(), v.address(), dout.address(), log_sums, delta];
        let mut arguments = inputs.map(Argument::Address).to_vec();
        arguments.extend([tables.tiles, tables.runs, tables.seen].map(Argument::Address));
        arguments.extend(layer(shape));
        arguments.push(Argument::Address(to_q));
        let (kernel, launch) = class.query_gradients(count, shape.kv_heads, most_rows)?;
        // SAFETY: as in `attend`.
        unsafe {
            self.launch("attention_delta", Launch::warps(heads)?, &delta_arguments)?;
            self.launch(kernel, launch, &arguments)?;
        }
        let keys = k.len() / shape.kv_width().max(1);
        self.key_gradients(shape, class, (plan, keys), (inputs, tables), [to_k, to_v])
    }

    fn key_gradients(
        &mut self,
        shape: &AttentionShape,
        class: AttentionClass,
        (plan, keys): (&AttentionPlan, usize),
        (inputs, tables): ([u64; 6], Addresses),
        [dk, dv]: [u64; 2],
    ) -> Result<(), CudaError> {
        let queue = self.queue;
        let plan = self.plan_on_card(shape, plan, class.backward_rows)?;
        let work = match &mut plan.key_work {
            Some(work) if work.keys == keys => work,
            other => other.insert(key_work_on_card(queue, &plan.tiles, keys)?),
        };
        let [items, entries, slots] = work.tables.each_ref().map(Space::address);
        let (item_count, slot_users, slot_count) = (work.items, work.slots, work.slot_count);
        let partial = slot_count * shape.kv_width() * 2 * KEYS as usize;
        let partial = self.state.attention.partial.reserve(queue, 4 * partial)?;
        let mut arguments = inputs.map(Argument::Address).to_vec();
        arguments.extend([tables.tiles, tables.seen, items, entries].map(Argument::Address));
        arguments.push(Argument::Word(keys as u32));
        arguments.extend(layer(shape));
        arguments.extend([partial, dk, dv].map(Argument::Address));
        let (kernel, launch) = class.key_gradients(item_count, shape.kv_heads)?;
        // SAFETY: as in `attend`; slots are as many as the work counts.
        unsafe { self.launch(kernel, launch, &arguments)? };
        if slot_users == 0 {
            return Ok(());
        }
        let arguments = [
            Argument::Address(slots),
            Argument::Address(partial),
            Argument::Word(keys as u32),
            Argument::Word(shape.kv_heads as u32),
            Argument::Word(shape.head_dim as u32),
            Argument::Address(dk),
            Argument::Address(dv),
        ];
        let mut launch = Launch::rows(slot_users, usize::MAX)?;
        launch.grid[1] = layers("a layer", "key heads", shape.kv_heads)?;
        // SAFETY: as above.
        unsafe { self.launch("attention_combine", launch, &arguments) }
    }

    /// A plan's tables, its number of tiles, and the rows of the largest.
    fn plan(
        &mut self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        rows: u32,
    ) -> Result<(Addresses, usize, usize), CudaError> {
        let plan = self.plan_on_card(shape, plan, rows)?;
        let [tiles, runs, seen] = plan.tables.each_ref().map(Space::address);
        Ok((Addresses { tiles, runs, seen }, plan.tiles.tiles.len(), plan.tiles.most_rows))
    }

    fn plan_on_card(
        &mut self,
        shape: &AttentionShape,
        plan: &AttentionPlan,
        rows: u32,
    ) -> Result<&mut PlanOnCard<Q>, CudaError> {
        let (queue, key) = (self.queue, (plan.id(), shape.group(), rows));
        let make = || {
            let tiles = Tiles::new(plan, shape.group(), rows as usize);
            let tables = [
                on_card(queue, bytemuck::cast_slice(&tiles.tiles))?,
                on_card(queue, bytemuck::cast_slice(&tiles.runs))?,
                on_card(queue, bytemuck::cast_slice(&tiles.seen))?,
            ];
            Ok((key, PlanOnCard { tiles, tables, key_work: None }))
        };
        self.state.plans.get(|known| *known == key, make)
    }
}

fn on_card<Q: Queue>(queue: &Q, bytes: &[u8]) -> Result<Space<Q>, CudaError> {
    let mut space = Space::default();
    space.fill(queue, bytes)?;
    Ok(space)
}

fn key_work_on_card<Q: Queue>(
    queue: &Q,
    tiles: &Tiles,
    keys: usize,
) -> Result<KeyWorkOnCard<Q>, CudaError> {
    let work = KeyWork::new(tiles, keys);
    Ok(KeyWorkOnCard {
        keys,
        items: work.items.len(),
        slots: work.slots.len(),
        slot_count: work.slot_count,
        tables: [
            on_card(queue, bytemuck::cast_slice(&work.items))?,
            on_card(queue, bytemuck::cast_slice(&work.entries))?,
            on_card(queue, bytemuck::cast_slice(&work.slots))?,
        ],
    })
}

/// The arguments that describe a layer.
fn layer(shape: &AttentionShape) -> [Argument; 5] {
    [
        Argument::Word(shape.heads as u32),
        Argument::Word(shape.kv_heads as u32),
        Argument::Word(shape.head_dim as u32),
        Argument::Float(shape.scale),
        Argument::Float(shape.softcap.unwrap_or(0.0)),
    ]
}

/// An error unless queries, keys and values are as many as the plan needs.
fn check_inputs<Q: Queue>(
    shape: &AttentionShape,
    plan: &AttentionPlan,
    [q, k, v]: [&CudaBuffer<Q>; 3],
) -> Result<(), CudaError> {
    check_len("the queries of attention", q, plan.queries().len() * shape.width())?;
    let needed = plan.queries().last().map_or(0, |last| *last as usize + 1) * shape.kv_width();
    check_len("the values of attention", v, k.len())?;
    if k.len() < needed {
        let (what, found) = ("the keys of attention", k.len());
        return Err(CudaError::Length { what, found, wanted: needed });
    }
    Ok(())
}
