//! Matrix products by cuBLASLt, and the shapes they are asked for in.

use super::card::{failed, set_aside};
use super::error::CudaError;
use cudarc::cublaslt::{result, sys};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

/// Memory that products may work in, as NVIDIA recommends for its newest cards.
const WORKSPACE: usize = 32 << 20;
/// Forms of products remembered: numbers of tokens differ from batch to batch.
const MOST_PLANS: usize = 4096;
/// Memory begins at multiples of this.
const ALIGNMENT: u64 = 256;

/// cuBLASLt on one stream.
pub(super) struct Blas {
    handle: sys::cublasLtHandle_t,
    workspace: CudaSlice<u8>,
    /// How products of each form are computed, once the library has been asked.
    plans: Mutex<HashMap<Form, Arc<Plan>>>,
}

// SAFETY: the library's handle may be used by any thread, and by several at once.
unsafe impl Send for Blas {}
// SAFETY: as above.
unsafe impl Sync for Blas {}

/// What the way of computing a product depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Form {
    sizes: [usize; 3],
    transposed: [bool; 2],
    element: Element,
    out_element: Element,
    adds: bool,
    tf32: bool,
    /// What the addresses of both factors and of the product are multiples of.
    alignments: [u32; 3],
}

/// How a product is computed. Descriptions that could not be made are null and left alone.
struct Plan {
    description: sys::cublasLtMatmulDesc_t,
    /// Both factors and the product.
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    algorithm: sys::cublasLtMatmulAlgo_t,
}

// SAFETY: descriptions are only read after they are made.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: what is not null was made by `Plan::new`, and is destroyed once. Nothing can be
        // done about a description that does not go away.
        unsafe {
            if !self.description.is_null() {
                let _ = result::destroy_matmul_desc(self.description);
            }
            for layout in self.layouts.into_iter().filter(|layout| !layout.is_null()) {
                let _ = result::destroy_matrix_layout(layout);
            }
        }
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        // SAFETY: the handle was made by `Blas::new`, and is destroyed once.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

impl Blas {
    /// Starts the library for work on `stream`.
    pub fn new(stream: &Arc<CudaStream>) -> Result<Self, CudaError> {
        stream.context().bind_to_thread().map_err(failed("turn to this thread"))?;
        let workspace = set_aside(stream, WORKSPACE)?;
        let handle = result::create_handle().map_err(blas_failed("start cuBLASLt"))?;
        Ok(Self { handle, workspace, plans: Mutex::default() })
    }

    /// Queues a product.
    ///
    /// # Safety
    /// The matrices must lie in the card's memory.
    pub unsafe fn multiply(
        &self,
        product: &Matmul,
        stream: &Arc<CudaStream>,
    ) -> Result<(), CudaError> {
        let operands = product.column_major();
        let plan = self.plan(product, &operands)?;
        let [a, b] = operands.map(|operand| operand.address as *const c_void);
        let [a_layout, b_layout, layout] = plan.layouts;
        let out = product.out as *mut c_void;
        let workspace = self.workspace.device_ptr(stream).0;
        // SAFETY: the plan was made for a product of this form; matrices are the caller's.
        unsafe {
            result::matmul(
                self.handle,
                plan.description,
                std::ptr::from_ref(&product.alpha).cast(),
                std::ptr::from_ref(&product.beta).cast(),
                a,
                a_layout,
                b,
                b_layout,
                out,
                layout,
                out,
                layout,
                &plan.algorithm,
                workspace as *mut c_void,
                WORKSPACE,
                stream.cu_stream().cast(),
            )
        }
        .map_err(blas_failed("multiply matrices"))
    }

    fn plan(
        &self,
        product: &Matmul,
        operands: &[ColumnMajorOperand; 2],
    ) -> Result<Arc<Plan>, CudaError> {
        let [a, b] = operands;
        let form = Form {
            sizes: [product.m, product.n, product.k],
            transposed: [a.transposed, b.transposed],
            element: a.element,
            out_element: product.out_element,
            adds: product.beta != 0.0,
            tf32: product.tf32,
            alignments: [a.address, b.address, product.out].map(alignment),
        };
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&form) {
            return Ok(Arc::clone(plan));
        }
        let plan = Plan::new(self.handle, &form, operands).map_err(|error| CudaError::Failed {
            action: "plan a matrix product",
            problem: format!("{error} for {form:?}"),
        })?;
        let plan = Arc::new(plan);
        if plans.len() >= MOST_PLANS {
            plans.clear();
        }
        plans.insert(form, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The largest power of two that an address is a multiple of, up to [`ALIGNMENT`].
fn alignment(address: u64) -> u32 {
    1 << (address | ALIGNMENT).trailing_zeros()
}

fn blas_failed(action: &'static str) -> impl Fn(result::CublasError) -> CudaError {
    move |error| CudaError::Failed { action, problem: error.to_string() }
}

fn kind(element: Element) -> sys::cudaDataType {
    match element {
        Element::F32 => sys::cudaDataType::CUDA_R_32F,
        Element::Bf16 => sys::cudaDataType::CUDA_R_16BF,
    }
}

impl Plan {
    fn new(
        handle: sys::cublasLtHandle_t,
        form: &Form,
        operands: &[ColumnMajorOperand; 2],
    ) -> Result<Self, result::CublasError> {
        use sys::cublasLtMatmulDescAttributes_t as Attribute;
        let mut plan = Self {
            description: std::ptr::null_mut(),
            layouts: [std::ptr::null_mut(); 3],
            // SAFETY: plain numbers, which the library's choice replaces below.
            algorithm: unsafe { std::mem::zeroed() },
        };
        let compute = match form.tf32 {
            true => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            false => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        };
        plan.description = result::create_matmul_desc(compute, sys::cudaDataType::CUDA_R_32F)?;
        let sides =
            [Attribute::CUBLASLT_MATMUL_DESC_TRANSA, Attribute::CUBLASLT_MATMUL_DESC_TRANSB];
        for (side, operand) in sides.into_iter().zip(operands) {
            let transposed = i32::from(operand.transposed);
            let value = std::ptr::from_ref(&transposed).cast();
            // SAFETY: the attribute is a 32-bit number: 0 for as it is, 1 for transposed.
            unsafe { result::set_matmul_desc_attribute(plan.description, side, value, 4)? };
        }
        for (layout, operand) in plan.layouts.iter_mut().zip(operands) {
            *layout = matrix(operand.element, operand.rows, operand.columns)?;
        }
        let [m, n, _] = form.sizes;
        plan.layouts[2] = matrix(form.out_element, n, m)?;
        plan.algorithm = plan.choose(handle, form.alignments)?;
        Ok(plan)
    }

    /// Asks the library for its best way.
    fn choose(
        &self,
        handle: sys::cublasLtHandle_t,
        [a, b, out]: [u32; 3],
    ) -> Result<sys::cublasLtMatmulAlgo_t, result::CublasError> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Attribute;
        let preference = Preference(result::create_matmul_pref()?);
        let workspace = WORKSPACE;
        let value = std::ptr::from_ref(&workspace).cast();
        let most = Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        // SAFETY: the attribute is a number of the pointer's size.
        unsafe {
            result::set_matmul_pref_attribute(preference.0, most, value, size_of::<usize>())?
        };
        let alignments = [
            (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, a),
            (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, b),
            (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, out),
            (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, out),
        ];
        for (attribute, alignment) in alignments {
            let value = std::ptr::from_ref(&alignment).cast();
            // SAFETY: the attributes are 32-bit numbers.
            unsafe { result::set_matmul_pref_attribute(preference.0, attribute, value, 4)? };
        }
        let [a, b, out] = self.layouts;
        // SAFETY: all descriptions were just made.
        let found = unsafe {
            let description = self.description;
            result::get_matmul_algo_heuristic(handle, description, a, b, out, out, preference.0)?
        };
        Ok(found.algo)
    }
}

fn matrix(
    element: Element,
    rows: usize,
    columns: usize,
) -> Result<sys::cublasLtMatrixLayout_t, result::CublasError> {
    result::create_matrix_layout(kind(element), rows as u64, columns as u64, rows as i64)
}

/// What a way of computing must keep to.
struct Preference(sys::cublasLtMatmulPreference_t);

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: it was just made, and is destroyed once.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}

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

    #[test]
    fn alignments_are_powers_of_two_that_divide_addresses() {
        let cases = [(0, 256), (256, 256), (512, 256), (2, 2), (384, 128), (1 << 20 | 16, 16)];
        cases.iter().for_each(|(address, found)| assert_eq!(alignment(*address), *found));
    }

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
