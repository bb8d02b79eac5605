//! The order in which a file stores the rows of query and key projections.

/// Rows stored in another order than Hugging Face's.
///
/// llama.cpp pairs neighbouring rows of a head for its rotary embedding; Hugging Face pairs row i with
/// row i + head_dim / 2. For architecture `llama` the rows of the query and key projections are
/// interleaved accordingly when a checkpoint is converted to GGUF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOrder {
    head_dim: usize,
}

impl RowOrder {
    /// The interleaved order for heads of `head_dim` rows; `None` if that is odd.
    pub fn interleaved(head_dim: usize) -> Option<Self> {
        (head_dim > 0 && head_dim.is_multiple_of(2)).then_some(Self { head_dim })
    }

    /// The rows of one head.
    pub fn head_dim(self) -> usize {
        self.head_dim
    }

    /// Where the file keeps row `row` of Hugging Face's order.
    pub fn stored_row(self, row: usize) -> usize {
        let half = self.head_dim / 2;
        let (head, within) = (row / self.head_dim, row % self.head_dim);
        head * self.head_dim + 2 * (within % half) + within / half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_woven_together_head_by_head() {
        let order = RowOrder::interleaved(6).unwrap();
        let stored: Vec<usize> = (0..12).map(|row| order.stored_row(row)).collect();
        assert_eq!(stored, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    }

    #[test]
    fn odd_heads_have_no_halves() {
        assert_eq!(RowOrder::interleaved(7), None);
        assert_eq!(RowOrder::interleaved(0), None);
    }
}
