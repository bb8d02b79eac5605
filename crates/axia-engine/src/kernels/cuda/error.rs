//! What can go wrong on a card.

use super::compile::Architecture;
use thiserror::Error;

/// Why no NVIDIA card can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unusable {
    /// There is no driver on this machine.
    #[error("no NVIDIA driver is installed (libcuda is missing)")]
    NoDriver,
    /// The driver is older than the libraries need.
    #[error(
        "the NVIDIA driver is too old: it speaks CUDA {}.{}, and {needs} needs {}.{} or newer",
        found / 1000, found % 1000 / 10, needed / 1000, needed % 1000 / 10
    )]
    DriverTooOld {
        /// What the driver speaks, as 1000 · major + 10 · minor.
        found: u32,
        /// The least that is needed, in the same form.
        needed: u32,
        /// What needs it.
        needs: &'static str,
    },
    /// A library of the CUDA toolkit is missing.
    #[error(
        "{library} is missing; install the CUDA toolkit (or PyPI's {wheel}) and, where the system does not find it, name its folder in {}",
        super::libraries::LIBRARIES_VARIABLE
    )]
    NoLibrary {
        /// The library.
        library: &'static str,
        /// PyPI's package of it.
        wheel: &'static str,
    },
    /// A library is there, but not all of it.
    #[error(
        "{library} lacks the function {function}: it is too old, or stands in for the real one"
    )]
    Incomplete {
        /// The library.
        library: &'static str,
        /// The first function found missing.
        function: &'static str,
    },
    /// The driver sees no card.
    #[error("the NVIDIA driver sees no card")]
    NoDevice,
    /// The driver fails.
    #[error("the NVIDIA driver fails to {action}: {problem}")]
    Driver {
        /// What was tried.
        action: &'static str,
        /// What it says.
        problem: String,
    },
}

/// Anything that goes wrong on a card. The first error stays: what follows it computes nothing.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CudaError {
    /// No card can be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// There is no such card.
    #[error("there is no cuda:{index}: the driver sees {count} card(s), counted from 0")]
    NoSuchDevice {
        /// The card asked for.
        index: usize,
        /// Cards there are.
        count: usize,
    },
    /// The card is older than the kernels.
    #[error("`{name}` has compute capability {capability}, but 8.0 or newer is needed")]
    TooOld {
        /// The card's name.
        name: String,
        /// What it can do.
        capability: Architecture,
    },
    /// The card's memory is full.
    #[error(
        "the card's memory is full: {} MiB more were wanted, {} of {} MiB are free; compute fewer tokens at a time, or take a smaller model or LoRA rank",
        wanted >> 20, free >> 20, total >> 20
    )]
    OutOfMemory {
        /// Bytes wanted.
        wanted: u64,
        /// Bytes free.
        free: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Kernels cannot be compiled.
    #[error("cannot compile {source_name} for {architecture}: {log}")]
    Compile {
        /// The source file.
        source_name: &'static str,
        /// What it was compiled for.
        architecture: Architecture,
        /// The compiler's words.
        log: String,
    },
    /// A call of the driver or of cuBLASLt failed.
    #[error("the card failed to {action}: {problem}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// What the library says.
        problem: String,
    },
    /// The card does not compute what the CPU computes.
    #[error(
        "the card computes {what} wrongly: {found} where the CPU finds {expected}; use --device cpu, and please report this"
    )]
    Wrong {
        /// What was tried.
        what: &'static str,
        /// What the card finds.
        found: f32,
        /// What the CPU finds.
        expected: f32,
    },
    /// Attention heads that the kernels do not cover.
    #[error("attention heads are {found} wide, but on a card at most {most} are supported")]
    HeadWidth {
        /// The model's.
        found: usize,
        /// The most.
        most: usize,
    },
    /// An array is longer than the kernels can index.
    #[error("{what} has {found} {unit}, but on a card at most {most} are supported")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// Of what.
        unit: &'static str,
        /// The most.
        most: u64,
    },
    /// A kernel was given less than it reads or writes.
    #[error("{what} holds {found} numbers, but {wanted} are needed")]
    Length {
        /// The array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// What it must be.
        wanted: usize,
    },
    /// A number of a row or token that there is not.
    #[error("{what} has number {found}, but there are only {count}")]
    Index {
        /// What is numbered.
        what: &'static str,
        /// The number, from 0.
        found: usize,
        /// How many there are.
        count: usize,
    },
}

impl CudaError {
    /// Whether it can be helped by asking for something else: another device, another model.
    pub fn is_usage(&self) -> bool {
        use CudaError as E;
        matches!(
            self,
            E::Unusable(_) | E::NoSuchDevice { .. } | E::TooOld { .. } | E::HeadWidth { .. }
        )
    }
}
