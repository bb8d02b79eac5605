//! Compiling kernels with NVRTC.

use super::error::{CudaError, Unusable};
use super::libraries;
use super::sources::Source;
use cudarc::nvrtc::{result, sys};
use std::ffi::{CString, c_char};
use std::fmt;

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
