//! Finding CUDA's libraries before anything calls them: a call into a missing one, or of a function
//! that a stand-in for one lacks, would panic.

use super::error::Unusable;
use libloading::Library;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Names folders (as `PATH` does) that CUDA's libraries are looked for in first, such as those of
/// PyPI's wheels.
pub const LIBRARIES_VARIABLE: &str = "AXIA_CUDA_LIBRARIES";

/// Beginnings of the names of libraries that are loaded from folders, each after what it needs.
const PRELOADED: [&str; 3] = ["libnvrtc-builtins.so", "libnvrtc.so", "libcublasLt.so"];

/// Loads what the folders of [`LIBRARIES_VARIABLE`] hold, once. The system then finds a library by
/// the name it carries inside, wherever it came from.
fn preload() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let Some(folders) = std::env::var_os(LIBRARIES_VARIABLE) else { return };
        std::env::split_paths(&folders).for_each(|folder| preload_from(&folder));
    });
}

/// Loads what lies where toolkits and Python's packages put it, once: for libraries that the system
/// does not find by itself.
fn preload_usual() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| usual_folders().iter().for_each(|folder| preload_from(folder)));
}

/// The folders of CUDA toolkits, and of NVIDIA's wheels in the Python environment that is active and
/// in the system's.
fn usual_folders() -> Vec<PathBuf> {
    let from = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let fixed = |path: &str| Some(PathBuf::from(path));
    let toolkits =
        [from("CUDA_HOME"), from("CUDA_PATH"), fixed("/usr/local/cuda"), fixed("/opt/cuda")];
    let home = from("HOME").map(|home| home.join(".local"));
    let environments =
        [from("VIRTUAL_ENV"), from("CONDA_PREFIX"), home, fixed("/usr/local"), fixed("/usr")];
    let of_toolkit = |root: PathBuf| [root.join("lib64"), root.join("lib")];
    let toolkits = toolkits.into_iter().flatten().flat_map(of_toolkit);
    toolkits.chain(environments.into_iter().flatten().flat_map(|root| of_wheels(&root))).collect()
}

/// The folders of NVIDIA's wheels in a Python environment:
/// `lib/python3.*/site-packages/nvidia/*/lib`.
fn of_wheels(environment: &Path) -> Vec<PathBuf> {
    let libraries = environment.join("lib");
    let pythons = entries(&libraries).into_iter().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3"))
    });
    let packages =
        pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|kind| python.join(kind)));
    packages
        .flat_map(|packages| entries(&packages.join("nvidia")))
        .map(|package| package.join("lib"))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// What is in a folder, sorted; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Loads NVRTC and cuBLASLt from `folder`, as far as it holds them, for the rest of the process.
fn preload_from(folder: &Path) {
    for name in PRELOADED {
        let is_wanted = |path: &&PathBuf| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
        };
        for path in entries(folder).iter().filter(is_wanted) {
            // SAFETY: these are NVIDIA's libraries, whose initialisers only set up themselves.
            if let Ok(library) = unsafe { libloading::Library::new(path) } {
                std::mem::forget(library);
            }
        }
    }
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

/// Whether a library is there: in the folders that the user names, where the system looks, or else in
/// the usual ones.
fn is_found(is_present: impl Fn() -> bool) -> bool {
    preload();
    is_present() || {
        preload_usual();
        is_present()
    }
}

/// Whether there is a compiler for kernels.
pub(super) fn find_nvrtc() -> Result<(), Unusable> {
    use cudarc::nvrtc::sys::{culib, is_culib_present};
    const LIBRARY: &str = "NVRTC (libnvrtc)";
    // SAFETY: as for the driver.
    if !is_found(|| unsafe { is_culib_present() }) {
        return Err(Unusable::NoLibrary { library: LIBRARY, wheel: "nvidia-cuda-nvrtc" });
    }
    // SAFETY: it is there.
    check(unsafe { culib() }, LIBRARY, &NVRTC)
}

/// Whether there is cuBLASLt.
pub(super) fn find_blas() -> Result<(), Unusable> {
    use cudarc::cublaslt::sys::{culib, is_culib_present};
    const LIBRARY: &str = "cuBLASLt (libcublasLt)";
    // SAFETY: as for the driver.
    if !is_found(|| unsafe { is_culib_present() }) {
        return Err(Unusable::NoLibrary { library: LIBRARY, wheel: "nvidia-cublas" });
    }
    // SAFETY: it is there.
    check(unsafe { culib() }, LIBRARY, &BLAS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_are_found_in_every_python_of_an_environment() {
        let root = tempfile::tempdir().unwrap();
        let folders = [
            "lib/python3.11/site-packages/nvidia/cublas/lib",
            "lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib",
            "lib/python3.12/dist-packages/nvidia/cu13/lib",
        ]
        .map(|folder| root.path().join(folder));
        for folder in &folders {
            std::fs::create_dir_all(folder).unwrap();
        }
        for other in
            ["lib/perl5/site-packages/nvidia/x/lib", "lib/python3.11/site-packages/nvidia/y"]
        {
            std::fs::create_dir_all(root.path().join(other)).unwrap();
        }
        assert_eq!(of_wheels(root.path()), folders);
        assert!(of_wheels(&root.path().join("nowhere")).is_empty());
    }

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
