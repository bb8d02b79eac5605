//! Memory of a pass: what the backward pass needs, and scratch.

/// Activations of a forward pass, kept for the backward pass; reused from step to step.
///
/// Cheap intermediates (norms, SiLU products, attention probabilities) are recomputed instead.
#[derive(Debug, Default)]
pub struct Activations<B> {
    /// One per block where all are kept, else the first is one that all blocks share.
    pub(super) blocks: Vec<BlockActivations<B>>,
    /// Inputs `(tokens, hidden)` of the blocks but the last, where the rest is recomputed.
    pub(super) inputs: Vec<B>,
    /// Residual stream: `(tokens, hidden)`, after the last block `(reads, hidden)`.
    pub(super) x: B,
    /// Final hidden states after the last norm `(reads, hidden)`.
    pub(super) out: B,
    pub(super) work: Work<B>,
}

/// What one block keeps. In the last block `rows` is the number of reads, elsewhere of tokens.
#[derive(Debug, Default)]
pub(super) struct BlockActivations<B> {
    /// Block input `(tokens, hidden)`
    pub x: B,
    /// Queries after the rotation `(rows, heads · head_dim)`
    pub q: B,
    /// Queries before their norm, where they have one
    pub raw_q: B,
    /// Keys after the rotation `(tokens, kv_heads · head_dim)`
    pub k: B,
    /// Keys before their norm, where they have one
    pub raw_k: B,
    /// Values `(tokens, kv_heads · head_dim)`
    pub v: B,
    /// Attention output before its projection `(rows, heads · head_dim)`
    pub attn: B,
    /// What attention gave before its norm, where it has one `(rows, hidden)`
    pub attn_out: B,
    /// Residual stream between the block's halves `(rows, hidden)`
    pub mid: B,
    /// `(rows, ffn)`
    pub gate: B,
    /// `(rows, ffn)`
    pub up: B,
    /// What the feed-forward part gave before its norm, where it has one `(rows, hidden)`
    pub mlp_out: B,
}

/// Scratch that all blocks share.
#[derive(Debug, Default)]
pub(super) struct Work<B> {
    /// Normalised block input `(tokens, hidden)`
    pub norm: B,
    /// Some rows of it `(reads, hidden)`
    pub norm_rows: B,
    /// Gated product `(rows, ffn)`
    pub hidden: B,
    /// Some rows of the residual stream or of its gradient `(reads, hidden)`
    pub rows: B,
    /// What goes into the residual stream through a norm `(rows, hidden)`
    pub normed: B,
    pub dhidden: B,
    pub dnorm: B,
    pub dattn: B,
    pub dq: B,
    pub dk: B,
    pub dv: B,
    /// Gradients before the norms of queries, keys, and of what goes into the stream
    pub dgiven: B,
}
