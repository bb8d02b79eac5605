//! Finding CUDA's libraries before anything calls them: a call into a missing one would panic.

use super::error::Unusable;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names folders (as `PATH` does) that CUDA's libraries are looked for in first, such as those of
/// PyPI's wheels.
pub const LIBRARIES_VARIABLE: &str = "AXIA_CUDA_LIBRARIES";

/// Beginnings of the names of libraries that are loaded from the folders of [`LIBRARIES_VARIABLE`],
/// each after what it needs.
const PRELOADED: [&str; 4] =
    ["libnvrtc-builtins.so", "libnvrtc.so", "libcublas.so", "libcublasLt.so"];

/// Loads what the folders of [`LIBRARIES_VARIABLE`] hold, once. The system then finds a library by
/// the name it carries inside, wherever it came from.
pub(super) fn preload() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let Some(folders) = std::env::var_os(LIBRARIES_VARIABLE) else { return };
        std::env::split_paths(&folders).for_each(|folder| preload_from(&folder));
    });
}

/// Loads NVRTC and cuBLASLt from `folder`, as far as it holds them, for the rest of the process.
pub(super) fn preload_from(folder: &Path) {
    for name in PRELOADED {
        for path in libraries(folder, name) {
            // SAFETY: these are NVIDIA's libraries, whose initialisers only set up themselves.
            if let Ok(library) = unsafe { libloading::Library::new(path) } {
                std::mem::forget(library);
            }
        }
    }
}

/// Files of `folder` whose names begin with `name`, without the compiler's alternative builds.
fn libraries(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|e| e.file_name().to_string_lossy().starts_with(name))
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

/// Whether there is a driver.
pub(super) fn find_driver() -> Result<(), Unusable> {
    // SAFETY: loading the driver's library has no preconditions.
    if unsafe { cudarc::driver::sys::is_culib_present() } {
        Ok(())
    } else {
        Err(Unusable::NoDriver)
    }
}

/// Whether there is a compiler for kernels.
pub(super) fn find_nvrtc() -> Result<(), Unusable> {
    preload();
    // SAFETY: as for the driver.
    let found = unsafe { cudarc::nvrtc::sys::is_culib_present() };
    let missing = Unusable::NoLibrary { library: "NVRTC (libnvrtc)", wheel: "nvidia-cuda-nvrtc" };
    if found { Ok(()) } else { Err(missing) }
}

/// Whether there is cuBLASLt.
pub(super) fn find_blas() -> Result<(), Unusable> {
    preload();
    // SAFETY: as for the driver.
    let found = unsafe { cudarc::cublaslt::sys::is_culib_present() };
    let missing = Unusable::NoLibrary { library: "cuBLASLt (libcublasLt)", wheel: "nvidia-cublas" };
    if found { Ok(()) } else { Err(missing) }
}
