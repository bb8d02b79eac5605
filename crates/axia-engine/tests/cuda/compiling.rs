//! Every source compiles for the cards supported. NVRTC needs no card.

use super::skipped;
use super::stand_in::is_here;
use axia_engine::kernels::cuda::{Architecture, SOURCES, compile};
use std::path::{Path, PathBuf};

/// Compute capabilities: A100, H100 and H200, B200.
const ARCHITECTURES: [Architecture; 3] = [
    Architecture { major: 8, minor: 0 },
    Architecture { major: 9, minor: 0 },
    Architecture { major: 10, minor: 0 },
];

/// The folder of NVRTC: `AXIA_NVRTC`, or where `scripts/fetch_nvrtc.sh` puts it.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("AXIA_NVRTC").map(PathBuf::from);
    let fetched = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("nvrtc");
    [named, Some(fetched.join("lib"))].into_iter().flatten().find(|folder| folder.is_dir())
}

/// Loads NVRTC, its tables first; the engine then finds it by its name.
fn load(folder: &Path) {
    for name in ["libnvrtc-builtins.so", "libnvrtc.so"] {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_wanted = |path: &PathBuf| {
            path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
        };
        let path = entries.into_iter().find(is_wanted).unwrap_or_else(|| panic!("no {name}"));
        // SAFETY: NVIDIA's library; its initialisers only set up themselves.
        std::mem::forget(unsafe { libloading::Library::new(path) }.unwrap());
    }
}

#[test]
fn every_source_compiles_for_every_card_supported() {
    if is_here() {
        // The stand-in's NVRTC compiles nothing; the program that started this one asks the real one.
        return;
    }
    let Some(folder) = folder() else {
        return skipped("compiling", "no NVRTC here; scripts/fetch_nvrtc.sh fetches it");
    };
    load(&folder);
    for source in &SOURCES {
        for architecture in ARCHITECTURES {
            let code = compile(source, architecture).unwrap_or_else(|error| panic!("{error}"));
            let text = String::from_utf8_lossy(&code.0);
            assert!(code.0.starts_with(b"\x7fELF"), "{}: no machine code", source.name);
            for kernel in source.kernels {
                assert!(text.contains(&format!(".text.{kernel}\0")), "{}: {kernel}", source.name);
            }
        }
    }
    let newer = Architecture { major: 99, minor: 0 };
    let code = compile(&SOURCES[0], newer).unwrap();
    assert!(String::from_utf8_lossy(&code.0).contains(".entry add"), "PTX for cards to come");
}
