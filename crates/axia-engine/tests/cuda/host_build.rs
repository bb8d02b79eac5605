//! The card's kernels, and what stands in for NVIDIA's libraries, compiled for the host with the
//! system's C++ compiler (`c++`, or what `CXX` names).

use axia_engine::kernels::cuda::SOURCES;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the C++ sources are.
const SOURCE_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../axia-engine/tests/cuda");

/// The library of all kernels, built once; why not, where there is no compiler.
pub fn kernel_library() -> Result<&'static Path, String> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = LIBRARY.get_or_init(|| {
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|e| e.to_string())?;
        let (source, library) =
            (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
        std::fs::write(&source, kernel_text()).map_err(|e| e.to_string())?;
        // A card refuses what is not aligned; here it ends the process.
        let aligned = ["-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"];
        let flags = ["-march=native", "-ffp-contract=off", "-w"];
        compile(&[flags.as_slice(), &aligned].concat(), &[source], &library)?;
        // Loaded once and for all: the folder outlives the process on systems that need the file.
        let _ = folder.keep();
        Ok(library)
    });
    built.as_deref().map_err(Clone::clone)
}

/// All sources, and a list of their kernels for the shim.
fn kernel_text() -> String {
    let mut text = String::from("#define AXIA_HOST_SHIM\n#define CUDART_VERSION 0\n");
    SOURCES.iter().for_each(|source| text += &source.text());
    text += "\nstatic const shim::Kernel all_kernels[] = {\n";
    for kernel in SOURCES.iter().flat_map(|source| source.kernels) {
        text += &format!("SHIM_KERNEL({kernel}),\n");
    }
    text + "{nullptr, nullptr, 0}};\nSHIM_ENTRY(all_kernels)\n"
}

/// The libraries that stand in for NVIDIA's, in a new folder: the driver, NVRTC, and cuBLASLt, which
/// works on the driver's memory.
pub fn stand_in_libraries() -> Result<tempfile::TempDir, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = |library: &str| folder.path().join(library);
    let build = |library: &str, source: &str, with: Option<&str>| {
        let mut sources = vec![Path::new(SOURCE_FOLDER).join("stand_in").join(source)];
        sources.extend(with.map(path));
        let name = format!("-Wl,-soname,{library}");
        compile(&["-Wall", "-Wextra", "-Werror", &name], &sources, &path(library))
    };
    build("libcuda.so.1", "driver.cpp", None)?;
    build("libnvrtc.so.12", "compiler.cpp", None)?;
    build("libcublasLt.so.12", "products.cpp", Some("libcuda.so.1"))?;
    Ok(folder)
}

/// Compiles a shared library; an error where there is no compiler.
fn compile(flags: &[&str], sources: &[PathBuf], library: &Path) -> Result<(), String> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let done = Command::new(&compiler)
        .args(["-std=c++17", "-O2", "-fPIC", "-shared", "-I", SOURCE_FOLDER])
        .args(flags)
        .arg("-o")
        .arg(library)
        .args(sources)
        .arg("-ldl")
        .output()
        .map_err(|error| format!("there is no C++ compiler `{compiler}`: {error}"))?;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
