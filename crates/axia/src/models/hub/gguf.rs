//! One GGUF file among those of a repository.

use std::fs;
use std::path::{Path, PathBuf};

/// The file that `wanted` means: one of that name, or the one whose name ends in that quantisation,
/// as `Q4_K_M` does in `model-Q4_K_M.gguf`.
///
/// # Errors
/// What is wrong, with the names there are.
pub(super) fn choose<'a>(
    names: impl Iterator<Item = &'a str>,
    wanted: &str,
) -> Result<&'a str, String> {
    let names: Vec<&str> = names.filter(|name| !name.contains('/')).collect();
    if let Some(name) = names.iter().find(|name| **name == wanted) {
        return Ok(name);
    }
    let tag = wanted.to_ascii_lowercase();
    let is_tagged = |name: &&&str| {
        let stem = name.to_ascii_lowercase();
        let stem = stem.strip_suffix(".gguf").unwrap_or(&stem);
        stem.strip_suffix(&tag).is_some_and(|rest| rest.ends_with(['-', '.']))
    };
    let found: Vec<&str> = names.iter().filter(is_tagged).copied().collect();
    match found[..] {
        [name] => Ok(name),
        [] if names.is_empty() => Err("the repository has no GGUF file".to_owned()),
        [] => Err(format!("no GGUF file is called `{wanted}`: there are {}", names.join(", "))),
        _ => Err(format!("several GGUF files end in `{wanted}`: {}", found.join(", "))),
    }
}

/// The file that `wanted` means in a folder of the cache.
pub(super) fn find(snapshot: &Path, wanted: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(snapshot).ok()?.flatten().map(|entry| entry.path());
    // A link whose blob is gone is no file.
    let names: Vec<String> = entries
        .filter(|path| path.is_file())
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .filter(|name| name.ends_with(".gguf"))
        .collect();
    let name = choose(names.iter().map(String::as_str), wanted).ok()?;
    Some(snapshot.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] =
        ["m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m.q8_0.gguf", "n-Q6_K.gguf", "m-Q6_K.gguf"];

    fn chosen(wanted: &str) -> Result<&'static str, String> {
        choose(NAMES.into_iter().chain(["sub/m-F16.gguf"]), wanted)
    }

    #[test]
    fn by_name_or_by_quantisation() {
        assert_eq!(chosen("m-Q4_K_S.gguf").unwrap(), "m-Q4_K_S.gguf");
        assert_eq!(chosen("q4_k_m").unwrap(), "m-Q4_K_M.gguf");
        assert_eq!(chosen("Q8_0").unwrap(), "m.q8_0.gguf");
        assert_eq!(chosen("n-Q6_K").unwrap_err().matches("there are").count(), 1);
    }

    #[test]
    fn what_is_not_clear_is_refused_with_the_names() {
        let several = chosen("Q6_K").unwrap_err();
        assert!(several.contains("n-Q6_K.gguf, m-Q6_K.gguf"), "{several}");
        for wanted in ["K_M", "F16", "Q2_K", ""] {
            let none = chosen(wanted).unwrap_err();
            assert!(none.contains("there are m-Q4_K_M.gguf"), "{none}");
        }
        assert_eq!(choose([].into_iter(), "Q4").unwrap_err(), "the repository has no GGUF file");
    }
}
