//! What an untrusted game may use.

/// Limits of one game. Reaching one is an error that names the line.
///
/// Every loop of a game passes through moves, every value that grows is text or a number, so these
/// few bounds hold time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Lines and commands between one choice and the next.
    pub moves_per_step: u64,
    /// Subroutine calls that have not returned.
    pub calls: usize,
    /// Bytes of one text value.
    pub text_value: usize,
    /// Bytes of text printed between one choice and the next.
    pub text_per_step: usize,
    /// Bytes of text rewritten and joined between one choice and the next.
    pub work_per_step: u64,
    /// Bytes of all text values together.
    pub text_values: usize,
    /// Variables, whatever created them.
    pub variables: usize,
    /// Nested parentheses and calls in an expression, and nested substitutions.
    pub expression_depth: usize,
    /// Bits of a whole number.
    pub integer_bits: u64,
}

impl Default for Limits {
    /// Far above what any published game needs.
    fn default() -> Self {
        Self {
            moves_per_step: 200_000,
            calls: 10_000,
            text_value: 256 << 10,
            text_per_step: 4 << 20,
            work_per_step: 256 << 20,
            text_values: 64 << 20,
            variables: 100_000,
            expression_depth: 90,
            integer_bits: 14_000,
        }
    }
}
