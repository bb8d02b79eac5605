//! Finding CUDA's libraries before anything calls them: a call into a missing one, or of a function
//! that a stand-in for one lacks, would panic.

use super::error::Unusable;
use libloading::Library;
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

/// What axia and cudarc call of the driver. All of it is in drivers since CUDA 11.2.
const DRIVER: [&str; 34] = [
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuDeviceTotalMem_v2",
    "cuDriverGetVersion",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventRecord",
    "cuFuncSetAttribute",
    "cuInit",
    "cuLaunchKernel",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemFreeAsync",
    "cuMemFree_v2",
    "cuMemFreeHost",
    "cuMemGetInfo_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
];

/// The same of NVRTC.
const NVRTC: [&str; 12] = [
    "nvrtcCompileProgram",
    "nvrtcCreateProgram",
    "nvrtcDestroyProgram",
    "nvrtcGetCUBIN",
    "nvrtcGetCUBINSize",
    "nvrtcGetNumSupportedArchs",
    "nvrtcGetPTX",
    "nvrtcGetPTXSize",
    "nvrtcGetProgramLog",
    "nvrtcGetProgramLogSize",
    "nvrtcGetSupportedArchs",
    "nvrtcVersion",
];

/// The same of cuBLASLt.
const BLAS: [&str; 12] = [
    "cublasLtCreate",
    "cublasLtDestroy",
    "cublasLtMatmul",
    "cublasLtMatmulAlgoGetHeuristic",
    "cublasLtMatmulDescCreate",
    "cublasLtMatmulDescDestroy",
    "cublasLtMatmulDescSetAttribute",
    "cublasLtMatmulPreferenceCreate",
    "cublasLtMatmulPreferenceDestroy",
    "cublasLtMatmulPreferenceSetAttribute",
    "cublasLtMatrixLayoutCreate",
    "cublasLtMatrixLayoutDestroy",
];

/// An error unless `library` has all `functions`.
fn check(
    library: &Library,
    name: &'static str,
    functions: &[&'static str],
) -> Result<(), Unusable> {
    // SAFETY: the functions are only looked for, not called.
    let has = |function: &str| unsafe { library.get::<unsafe extern "C" fn()>(function) }.is_ok();
    match functions.iter().find(|&&function| !has(function)) {
        Some(function) => Err(Unusable::Incomplete { library: name, function }),
        None => Ok(()),
    }
}

/// Whether there is a driver.
pub(super) fn find_driver() -> Result<(), Unusable> {
    use cudarc::driver::sys::{culib, is_culib_present};
    // SAFETY: loading the driver's library has no preconditions.
    if !unsafe { is_culib_present() } {
        return Err(Unusable::NoDriver);
    }
    // SAFETY: it is there.
    check(unsafe { culib() }, "the NVIDIA driver (libcuda)", &DRIVER)
}

/// Whether there is a compiler for kernels.
pub(super) fn find_nvrtc() -> Result<(), Unusable> {
    use cudarc::nvrtc::sys::{culib, is_culib_present};
    const LIBRARY: &str = "NVRTC (libnvrtc)";
    preload();
    // SAFETY: as for the driver.
    if !unsafe { is_culib_present() } {
        return Err(Unusable::NoLibrary { library: LIBRARY, wheel: "nvidia-cuda-nvrtc" });
    }
    // SAFETY: it is there.
    check(unsafe { culib() }, LIBRARY, &NVRTC)
}

/// Whether there is cuBLASLt.
pub(super) fn find_blas() -> Result<(), Unusable> {
    use cudarc::cublaslt::sys::{culib, is_culib_present};
    const LIBRARY: &str = "cuBLASLt (libcublasLt)";
    preload();
    // SAFETY: as for the driver.
    if !unsafe { is_culib_present() } {
        return Err(Unusable::NoLibrary { library: LIBRARY, wheel: "nvidia-cublas" });
    }
    // SAFETY: it is there.
    check(unsafe { culib() }, LIBRARY, &BLAS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_missing_function_is_named() {
        // This program's own functions, the C library's among them.
        let library = Library::from(libloading::os::unix::Library::this());
        assert_eq!(check(&library, "libc", &["malloc", "free"]), Ok(()));
        let found = check(&library, "libc", &["malloc", "cuInit", "free"]).unwrap_err();
        assert_eq!(found, Unusable::Incomplete { library: "libc", function: "cuInit" });
        assert!(found.to_string().starts_with("libc lacks the function cuInit"), "{found}");
    }
}
