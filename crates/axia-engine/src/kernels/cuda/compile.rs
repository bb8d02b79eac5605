//! The CUDA sources, their compilation by NVRTC, and the compiled kernels on disk.

use super::error::{CudaError, Unusable};
use super::libraries;
use cudarc::nvrtc::{result, sys};
use sha2::{Digest, Sha256};
use std::ffi::{CString, c_char};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Compiled kernels in a folder, by the hash of all that they depend on. A folder that cannot be
/// read or written only costs the time to compile.
#[derive(Debug, Clone)]
pub struct KernelCache {
    folder: Option<PathBuf>,
}

impl KernelCache {
    /// A cache in `folder`, which is made when needed; `None` keeps nothing.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// `source` compiled for `architecture`.
    ///
    /// # Errors
    /// As of [`compile`].
    pub fn get(&self, source: &Source, architecture: Architecture) -> Result<Compiled, CudaError> {
        let version = nvrtc_version()?;
        self.get_or(&key(&source.text(), architecture, version), || compile(source, architecture))
    }

    fn get_or(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<Compiled, CudaError>,
    ) -> Result<Compiled, CudaError> {
        let Some(folder) = &self.folder else { return make() };
        let path = folder.join(format!("{key}.bin"));
        if let Some(code) = std::fs::read(&path).ok().and_then(|bytes| unsealed(&bytes)) {
            return Ok(Compiled(code));
        }
        let made = make()?;
        // A full or read-only disk is no reason to compute nothing.
        let _ = keep(folder, &path, &made.0);
        Ok(made)
    }
}

/// Hash of everything that compiled code depends on, in hexadecimal.
fn key(text: &str, architecture: Architecture, (major, minor): (u32, u32)) -> String {
    let text = format!("1\nsm {architecture}\nnvrtc {major}.{minor}\n{text}");
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The code of a file that holds it whole: its hash comes first.
fn unsealed(file: &[u8]) -> Option<Vec<u8>> {
    let (seal, code) = file.split_at_checked(32)?;
    (Sha256::digest(code).as_slice() == seal).then(|| code.to_vec())
}

fn keep(folder: &Path, path: &Path, code: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(code))?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}

/// A compute capability, such as 9.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture {
    /// Before the point.
    pub major: u32,
    /// After the point.
    pub minor: u32,
}

impl Architecture {
    fn from_number(number: u32) -> Self {
        Self { major: number / 10, minor: number % 10 }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a source was compiled to: machine code for one architecture, or, where the compiler does not
/// know the card's, code that the driver finishes (PTX).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled(pub Vec<u8>);

/// The version of the NVRTC found here.
///
/// # Errors
/// [`Unusable`] if there is none.
pub fn nvrtc_version() -> Result<(u32, u32), Unusable> {
    libraries::find_nvrtc()?;
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is there, and writes two numbers.
    let asked = unsafe { sys::nvrtcVersion(&mut major, &mut minor) };
    asked.result().map_err(|error| Unusable::Driver {
        action: "tell the compiler's version",
        problem: error.to_string(),
    })?;
    Ok((major.unsigned_abs(), minor.unsigned_abs()))
}

/// Compiles `source` for cards of `architecture`.
///
/// # Errors
/// [`CudaError::Unusable`] without NVRTC, [`CudaError::Compile`] with the compiler's log.
pub fn compile(source: &Source, architecture: Architecture) -> Result<Compiled, CudaError> {
    nvrtc_version()?;
    let failed = |log| CudaError::Compile { source_name: source.name, architecture, log };
    let problem = |error: result::NvrtcError| failed(error.to_string());
    let known = known_architectures().map_err(problem)?;
    let nearest = known.into_iter().filter(|known| *known <= architecture).max();
    let nearest = nearest.ok_or_else(|| failed("the compiler does not know it".to_owned()))?;
    let is_known = nearest == architecture;
    let kind = if is_known { "sm" } else { "compute" };
    let target = format!("--gpu-architecture={kind}_{}{}", nearest.major, nearest.minor);
    let text = CString::new(source.text()).map_err(|error| failed(error.to_string()))?;
    let name = CString::new(source.name).map_err(|error| failed(error.to_string()))?;
    let program = result::create_program(&text, Some(&name)).map_err(problem)?;
    // SAFETY: the program was just made, outlives the calls, and is destroyed once.
    unsafe {
        let done = result::compile_program(program, &[target.as_str(), "--std=c++17"]);
        let compiled = match done {
            Ok(()) if is_known => machine_code(program).map_err(problem),
            Ok(()) => result::get_ptx(program).map(|ptx| bytes(&ptx)).map_err(problem),
            Err(error) => {
                let log = result::get_program_log(program).map(|log| bytes(&log));
                let log = log.map(|log| String::from_utf8_lossy(&log).into_owned());
                Err(failed(log.unwrap_or_else(|_| error.to_string())))
            }
        };
        // Nothing can be done about a program that does not go away.
        let _ = result::destroy_program(program);
        compiled.map(Compiled)
    }
}

fn bytes(text: &[c_char]) -> Vec<u8> {
    text.iter().map(|&c| c as u8).collect()
}

/// # Safety
/// `program` must be alive and compiled.
unsafe fn machine_code(program: sys::nvrtcProgram) -> Result<Vec<u8>, result::NvrtcError> {
    let mut size = 0;
    // SAFETY: the program is alive; the code is as long as the compiler says.
    unsafe {
        sys::nvrtcGetCUBINSize(program, &mut size).result()?;
        let mut code = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result()?;
        Ok(code)
    }
}

/// The architectures that the compiler knows.
fn known_architectures() -> Result<Vec<Architecture>, result::NvrtcError> {
    let mut count = 0;
    // SAFETY: the list is as long as the compiler says.
    let known = unsafe {
        sys::nvrtcGetNumSupportedArchs(&mut count).result()?;
        let mut known = vec![0; usize::try_from(count).unwrap_or_default()];
        sys::nvrtcGetSupportedArchs(known.as_mut_ptr()).result()?;
        known
    };
    Ok(known.into_iter().map(|number| Architecture::from_number(number.unsigned_abs())).collect())
}

/// One translation unit: a text of CUDA C++ and the kernels in it.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Its name in messages.
    pub name: &'static str,
    /// What the text needs before it.
    preludes: &'static [&'static str],
    /// The text.
    body: &'static str,
    /// The kernels it holds; names are distinct over all sources.
    pub kernels: &'static [&'static str],
}

impl Source {
    /// The whole text to compile.
    pub fn text(&self) -> String {
        let parts = self.preludes.iter().chain([&self.body]);
        parts.copied().collect::<Vec<_>>().join("\n")
    }
}

const COMMON: &str = include_str!("source/common.cuh");
const TILES: &str = include_str!("source/attention_tiles.cuh");
const TENSOR_TILES: &str = include_str!("source/tensor_tiles.cuh");

/// All of them, a file per noun.
pub const SOURCES: [Source; 11] = [
    Source {
        name: "elementwise.cu",
        preludes: &[COMMON],
        body: include_str!("source/elementwise.cu"),
        kernels: &[
            "add",
            "scale",
            "add_to_rows",
            "soft_cap_all",
            "to_bf16",
            "from_bf16",
            "square_sums",
        ],
    },
    Source {
        name: "rows.cu",
        preludes: &[COMMON],
        body: include_str!("source/rows.cu"),
        kernels: &["gather", "gather_bf16", "scatter", "scatter_add"],
    },
    Source {
        name: "norm.cu",
        preludes: &[COMMON],
        body: include_str!("source/norm.cu"),
        kernels: &["rms_norm", "rms_norm_backward"],
    },
    Source {
        name: "rope.cu",
        preludes: &[COMMON],
        body: include_str!("source/rope.cu"),
        kernels: &["rope"],
    },
    Source {
        name: "gated.cu",
        preludes: &[COMMON],
        body: include_str!("source/gated.cu"),
        kernels: &["gated", "gated_backward"],
    },
    Source {
        name: "loss.cu",
        preludes: &[COMMON],
        body: include_str!("source/loss.cu"),
        kernels: &["loss_rows"],
    },
    Source {
        name: "adamw.cu",
        preludes: &[COMMON],
        body: include_str!("source/adamw.cu"),
        kernels: &["adamw"],
    },
    Source {
        name: "attention.cu",
        preludes: &[COMMON, TILES],
        body: include_str!("source/attention.cu"),
        kernels: &[
            "attention_64_16",
            "attention_64_32",
            "attention_64_64",
            "attention_128_16",
            "attention_128_32",
            "attention_128_64",
            "attention_256_16",
            "attention_256_32",
        ],
    },
    Source {
        name: "attention_backward.cu",
        preludes: &[COMMON, TILES],
        body: include_str!("source/attention_backward.cu"),
        kernels: &[
            "attention_delta",
            "attention_combine",
            "query_gradients_64_32",
            "query_gradients_128_32",
            "query_gradients_256_16",
            "key_gradients_64_32",
            "key_gradients_128_32",
            "key_gradients_256_16",
        ],
    },
    Source {
        name: "attention_bf16.cu",
        preludes: &[COMMON, TILES, TENSOR_TILES],
        body: include_str!("source/attention_bf16.cu"),
        kernels: &["attention_bf16_64", "attention_bf16_128", "attention_bf16_256"],
    },
    Source {
        name: "attention_backward_bf16.cu",
        preludes: &[COMMON, TILES, TENSOR_TILES],
        body: include_str!("source/attention_backward_bf16.cu"),
        kernels: &[
            "query_gradients_bf16_64",
            "query_gradients_bf16_128",
            "query_gradients_bf16_256",
            "key_gradients_bf16_64",
            "key_gradients_bf16_128",
            "key_gradients_bf16_256",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const SM_90: Architecture = Architecture { major: 9, minor: 0 };

    #[test]
    fn keys_tell_texts_architectures_and_compilers_apart() {
        let key_of = |text, minor, nvrtc| key(text, Architecture { minor, ..SM_90 }, nvrtc);
        let keys = [
            key_of("a", 0, (12, 9)),
            key_of("b", 0, (12, 9)),
            key_of("a", 1, (12, 9)),
            key_of("a", 0, (13, 0)),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0], key_of("a", 0, (12, 9)));
    }

    #[test]
    fn what_was_made_is_found_again_unless_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = KernelCache::new(Some(folder.path().join("new")));
        let make = || Ok(Compiled(vec![1, 2, 3]));
        let never = || panic!("compiled twice");
        assert_eq!(cache.get_or("k", make).unwrap().0, [1, 2, 3]);
        assert_eq!(cache.get_or("k", never).unwrap().0, [1, 2, 3]);
        let file = folder.path().join("new/k.bin");
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(cache.get_or("k", make).unwrap().0, [1, 2, 3]);
        assert_eq!(KernelCache::new(None).get_or("k", make).unwrap().0, [1, 2, 3]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_only_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = KernelCache::new(Some(file.path().to_owned()));
        assert_eq!(cache.get_or("k", || Ok(Compiled(vec![7]))).unwrap().0, [7]);
    }
}
