//! The whole way to a card without one: driver, NVRTC and cuBLASLt are stood in for by libraries that
//! keep to what NVIDIA's manuals promise, and to no more. A program that is started with them finds a
//! card.

use super::host_build::{kernel_library, stand_in_libraries};
use std::path::Path;
use std::process::Command;

/// Names the stand-in's kernels; set where a program is to find the stand-in.
const KERNELS: &str = "AXIA_STAND_IN_KERNELS";

/// Whether this program was started with the stand-in.
#[allow(dead_code)] // not all programs that share this file start themselves
pub fn is_here() -> bool {
    std::env::var_os(KERNELS).is_some()
}

/// The libraries that stand in for NVIDIA's.
pub struct StandIn {
    folder: tempfile::TempDir,
    kernels: &'static Path,
}

impl StandIn {
    /// Builds them; says why not where there is no C++ compiler.
    pub fn build() -> Result<Self, String> {
        Ok(Self { kernels: kernel_library()?, folder: stand_in_libraries()? })
    }

    /// Moves a library to another folder, where the system does not look for it.
    #[allow(dead_code)] // for commands alone
    pub fn move_library(&self, name: &str, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        std::fs::copy(self.folder.path().join(name), to.join(name)).unwrap();
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// Lets a program that is started by this command find the stand-in.
    pub fn show_to(&self, command: &mut Command) {
        command.env("LD_LIBRARY_PATH", self.folder.path()).env(KERNELS, self.kernels);
    }
}
