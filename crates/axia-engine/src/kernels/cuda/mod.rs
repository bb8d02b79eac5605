//! Kernels for NVIDIA cards: cuBLASLt for matrix products, CUDA C++ compiled on the spot (NVRTC) for
//! everything else.
//!
//! All libraries are loaded when first asked for: [`probe`] says which cards there are, or why none
//! can be used. [`CudaKernels`] is written over [`Queue`], the few things it needs of a card; tests
//! run it, kernels and all, on the host.

mod attention;
mod attention_class;
mod attention_plan;
mod blas;
mod buffer;
mod card;
mod compile;
mod error;
mod kernels;
mod libraries;
mod linear;
mod passes;
mod probe;
mod queue;
mod trial;
mod work;

pub(crate) use attention_plan::SLOT_NUMBERS_PER_KEY;
pub use blas::{ColumnMajorOperand, Element, Matmul, Operand};
pub use buffer::{CudaBuffer, CudaWeight};
pub use card::Card;
pub use compile::{Architecture, Compiled, KernelCache, SOURCES, Source, compile, nvrtc_version};
pub use error::{CudaError, Unusable};
pub use kernels::{CudaKernels, Precision};
pub use libraries::LIBRARIES_VARIABLE;
pub use probe::{DeviceInfo, probe};
pub use queue::{Argument, KernelTime, Launch, Queue};
