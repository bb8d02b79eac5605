//! Kernels for processors: hand-written passes over the `gemm` crate, f32, all cores.

mod activation;
mod attention;
mod attention_block;
mod elementwise;
mod gemm;
mod kernels;
mod linear;
mod loss;
pub(crate) mod rope;
mod simd;
#[cfg(test)]
pub(crate) mod testing;
mod tiles;

pub use kernels::CpuKernels;
pub use linear::CpuWeight;
pub(crate) use loss::log_sum_exp;
