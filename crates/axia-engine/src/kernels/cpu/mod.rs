//! Kernels for processors: hand-written passes over the `gemm` crate, f32, all cores.

mod activation;
mod attention;
mod attention_block;
mod elementwise;
mod gemm;
mod kernels;
mod linear;
mod loss;
mod norm;
pub(crate) mod rope;
mod simd;
#[cfg(test)]
pub(crate) mod testing;
mod tiles;
mod weight;

pub use kernels::CpuKernels;
pub(crate) use loss::log_sum_exp;
pub use weight::CpuWeight;
