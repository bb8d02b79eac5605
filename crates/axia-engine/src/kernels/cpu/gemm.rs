//! Matrix products over the `gemm` crate, behind checked views.

/// A matrix to read: element `(i, j)` is `data[i · row + j · column]`.
#[derive(Clone, Copy)]
pub(crate) struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row: usize,
    column: usize,
}

impl<'a> Mat<'a> {
    /// A row-major `(rows, columns)` matrix.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// A row-major matrix whose rows begin `stride` apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, columns, stride);
        Self { data, rows, columns, row: stride, column: 1 }
    }

    /// The transpose; nothing moves.
    pub(crate) fn t(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row: self.column, column: self.row, ..self }
    }
}

/// A row-major matrix to write, whose rows begin `stride` apart.
pub(crate) struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatMut<'a> {
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    pub(crate) fn strided(data: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        check(data.len(), rows, columns, stride);
        Self { data, rows, columns, stride }
    }
}

fn check(len: usize, rows: usize, columns: usize, stride: usize) {
    let last = if rows * columns == 0 { 0 } else { (rows - 1) * stride + columns };
    assert!(last <= len && columns <= stride, "({rows}, {columns}) by {stride} in {len} floats");
}

/// `c = factor · a b`, or `c += factor · a b` with `add`. All threads of the pool take part; the
/// sum over the inner dimension is never divided, so the result does not depend on their number.
pub(crate) fn gemm(factor: f32, a: Mat, b: Mat, add: bool, c: MatMut) {
    let parallelism = match rayon::current_num_threads() {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    product(factor, a, b, add, c, parallelism);
}

/// [`gemm`] on the calling thread alone: for work that is divided already.
pub(crate) fn gemm_serial(factor: f32, a: Mat, b: Mat, add: bool, c: MatMut) {
    product(factor, a, b, add, c, gemm::Parallelism::None);
}

fn product(factor: f32, a: Mat, b: Mat, add: bool, c: MatMut, parallelism: gemm::Parallelism) {
    assert_eq!(
        (a.rows, a.columns, b.columns),
        (c.rows, b.rows, c.columns),
        "shapes of a matrix product"
    );
    let (m, n, k) = (a.rows, b.columns, a.columns);
    if m * n * k == 0 {
        if !add {
            c.data.chunks_mut(c.stride.max(1)).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return;
    }
    // SAFETY: the views checked, when they were made, that every index stays inside its slice,
    // and `c` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.data.as_mut_ptr(),
            1,
            c.stride as isize,
            add,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::random;
    use super::*;

    #[test]
    fn every_orientation_equals_the_plain_sum() {
        let (m, n, k) = (7, 5, 9);
        let (a, b) = (random(m * k, 1), random(k * n, 2));
        let transpose = |x: &[f32], rows: usize, columns: usize| -> Vec<f32> {
            (0..columns * rows).map(|i| x[i % rows * columns + i / rows]).collect()
        };
        let (at, bt) = (transpose(&a, m, k), transpose(&b, k, n));
        let plain =
            |i: usize, j: usize| -> f32 { (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum() };
        let pairs = [
            (Mat::new(&a, m, k), Mat::new(&b, k, n)),
            (Mat::new(&at, k, m).t(), Mat::new(&b, k, n)),
            (Mat::new(&a, m, k), Mat::new(&bt, n, k).t()),
        ];
        for (left, right) in pairs {
            let mut c = vec![1.0; m * (n + 2)];
            gemm(2.0, left, right, true, MatMut::strided(&mut c, m, n, n + 2));
            for i in 0..m {
                for j in 0..n {
                    assert!((c[i * (n + 2) + j] - 1.0 - 2.0 * plain(i, j)).abs() < 1e-5);
                }
            }
            assert!(c[n] == 1.0 && c[n + 1] == 1.0, "columns beyond the view stay");
        }
    }

    #[test]
    fn an_empty_inner_dimension_gives_zero() {
        let mut c = vec![3.0; 4];
        gemm(1.0, Mat::new(&[], 2, 0), Mat::new(&[], 0, 2), false, MatMut::new(&mut c, 2, 2));
        assert_eq!(c, [0.0; 4]);
    }
}
