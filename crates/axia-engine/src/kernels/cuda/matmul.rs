//! Matrix products as the engine says them (row-major) and as cuBLAS does (column-major).

/// How a matrix's numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// Single precision.
    F32,
    /// bfloat16.
    Bf16,
}

impl Element {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Element::F32 => 4,
            Element::Bf16 => 2,
        }
    }
}

/// A factor of a product: a row-major matrix without gaps, as it is or transposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Where it begins.
    pub address: u64,
    /// How it is stored.
    pub element: Element,
    /// Whether the factor is the transpose of what is stored.
    pub transposed: bool,
}

impl Operand {
    /// The matrix as it is stored.
    pub fn plain(address: u64, element: Element) -> Self {
        Self { address, element, transposed: false }
    }

    /// Its transpose.
    pub fn t(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }
}

/// `out = alpha · a b + beta · out`, with `a` `(m, k)`, `b` `(k, n)` and `out` `(m, n)` row-major;
/// sums are in single precision. `a` and `b` are stored alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matmul {
    /// `(m, k)`
    pub a: Operand,
    /// `(k, n)`
    pub b: Operand,
    /// Where the product goes.
    pub out: u64,
    /// How it is stored.
    pub out_element: Element,
    /// Rows of the product.
    pub m: usize,
    /// Columns of the product.
    pub n: usize,
    /// What is summed over.
    pub k: usize,
    /// Factor on the product.
    pub alpha: f32,
    /// Factor on what was there.
    pub beta: f32,
    /// Whether single-precision factors may be rounded to TF32.
    pub tf32: bool,
}

/// A factor of a column-major product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnMajorOperand {
    /// Where it begins.
    pub address: u64,
    /// How it is stored.
    pub element: Element,
    /// Rows as stored, which is also the distance between columns.
    pub rows: usize,
    /// Columns as stored.
    pub columns: usize,
    /// Whether the factor is the transpose of what is stored.
    pub transposed: bool,
}

impl Matmul {
    /// The same product as cuBLAS computes it: a row-major matrix read by columns is its transpose,
    /// so it is `outᵀ = bᵀ aᵀ`. Gives `bᵀ` `(n, k)` and `aᵀ` `(k, m)`; the product is `(n, m)`.
    pub fn column_major(&self) -> [ColumnMajorOperand; 2] {
        let read = |operand: Operand, (rows, columns): (usize, usize)| {
            let (rows, columns) =
                if operand.transposed { (columns, rows) } else { (rows, columns) };
            let Operand { address, element, transposed } = operand;
            ColumnMajorOperand { address, element, rows, columns, transposed }
        };
        [read(self.b, (self.n, self.k)), read(self.a, (self.k, self.m))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Element `(row, column)` of a factor in cuBLAS's sense; addresses count numbers here.
    fn at(matrix: &ColumnMajorOperand, data: &[f32], row: usize, column: usize) -> f32 {
        let (row, column) = if matrix.transposed { (column, row) } else { (row, column) };
        assert!(row < matrix.rows && column < matrix.columns);
        data[matrix.address as usize + column * matrix.rows + row]
    }

    proptest! {
        #[test]
        fn column_major_products_are_the_row_major_ones(
            (m, n, k) in (1usize..5, 1usize..5, 1usize..5),
            flips in any::<[bool; 2]>(),
            data in prop::collection::vec(-9i8..9, 32),
        ) {
            let data: Vec<f32> = data.iter().map(|v| f32::from(*v)).collect();
            let operand = |address, transposed| Operand {
                transposed, ..Operand::plain(address, Element::F32)
            };
            let product = Matmul {
                a: operand(0, flips[0]), b: operand(16, flips[1]), out: 0,
                out_element: Element::F32, m, n, k, alpha: 1.0, beta: 0.0, tf32: false,
            };
            let [first, second] = product.column_major();
            for row in 0..m {
                for column in 0..n {
                    let a = |i: usize| if flips[0] { data[i * m + row] } else { data[row * k + i] };
                    let b = |i: usize| {
                        data[16 + if flips[1] { column * k + i } else { i * n + column }]
                    };
                    let plain: f32 = (0..k).map(|i| a(i) * b(i)).sum();
                    // Stored at column · n + row of a column-major (n, m) matrix: transposed back.
                    let found: f32 = (0..k)
                        .map(|i| at(&first, &data, column, i) * at(&second, &data, i, row))
                        .sum();
                    prop_assert_eq!(found, plain);
                }
            }
        }
    }
}
