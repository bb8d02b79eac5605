use std::fmt;
use std::str::FromStr;

use super::super::ModelError;

/// The hub's limit for each half of an id.
const LONGEST_NAME: usize = 96;

/// A model on the hub: `org/name` or `org/name@revision`; `:file` behind it names a GGUF file there,
/// by its name or its quantisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubId {
    repository: String,
    revision: String,
    file: Option<String>,
}

impl HubId {
    /// `org/name`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Branch, tag, commit, or a reference such as `refs/pr/1`; `main` unless
    /// given.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The GGUF file that is meant, where one is: its name, or the quantisation that its name ends in.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Whether the revision is a full commit hash, which never moves.
    pub(super) fn is_commit(&self) -> bool {
        self.revision.len() == 40 && self.revision.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if self.revision != "main" {
            write!(f, "@{}", self.revision)?;
        }
        self.file.as_ref().map_or(Ok(()), |file| write!(f, ":{file}"))
    }
}

impl FromStr for HubId {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let bad = |problem| ModelError::BadHubId { id: text.to_owned(), problem };
        let (model, file) = match text.split_once(':') {
            Some((model, file)) => (model, Some(file)),
            None => (text, None),
        };
        let (repository, revision) = model.split_once('@').unwrap_or((model, "main"));
        let (organisation, name) =
            repository.split_once('/').ok_or_else(|| bad("the organisation is missing"))?;
        for half in [organisation, name] {
            check_name(half).map_err(bad)?;
        }
        check_revision(revision).map_err(bad)?;
        if !file.is_none_or(is_plain) {
            return Err(bad("what stands behind `:` is no file and no quantisation"));
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        })
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() {
        return Err("the organisation or the name is empty");
    }
    if name.len() > LONGEST_NAME {
        return Err("the organisation or the name is longer than 96 characters");
    }
    if !name.chars().all(inner) {
        return Err("only letters, digits, `-`, `_`, `.` and one `/` are allowed");
    }
    if name.starts_with(['-', '.']) || name.ends_with(['-', '.']) {
        return Err("`-` and `.` may not stand at the ends of the organisation or the name");
    }
    if name.contains("--") || name.contains("..") {
        return Err("`--` and `..` are not allowed");
    }
    Ok(())
}

/// A revision becomes a path in the cache, so its parts must be plain names.
fn check_revision(revision: &str) -> Result<(), &'static str> {
    match revision.split('/').all(is_plain) {
        true => Ok(()),
        false => Err("the revision is no branch, tag or commit"),
    }
}

/// Whether a part of a path is a plain name.
fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HubId, ModelError> {
        text.parse()
    }

    #[test]
    fn plain_and_with_revision() {
        let id = parse("Qwen/Qwen3-8B").unwrap();
        assert_eq!((id.repository(), id.revision()), ("Qwen/Qwen3-8B", "main"));
        assert_eq!(id.to_string(), "Qwen/Qwen3-8B");
        let id = parse("org/name_v1.5@refs/pr/3").unwrap();
        assert_eq!(id.revision(), "refs/pr/3");
        assert_eq!(id.to_string(), "org/name_v1.5@refs/pr/3");
        assert!(!id.is_commit());
        assert!(parse(&format!("a/b@{}", "0a".repeat(20))).unwrap().is_commit());
    }

    #[test]
    fn with_a_file() {
        let id = parse("org/name@v2:m-Q4_K_M.gguf").unwrap();
        assert_eq!((id.revision(), id.file()), ("v2", Some("m-Q4_K_M.gguf")));
        assert_eq!(id.to_string(), "org/name@v2:m-Q4_K_M.gguf");
        assert_eq!(parse("org/name:Q8_0").unwrap().file(), Some("Q8_0"));
        assert_eq!(parse("org/name").unwrap().file(), None);
    }

    #[test]
    fn what_the_hub_forbids_is_refused() {
        for text in [
            "name",
            "/name",
            "org/",
            "org/na me",
            "org/a/b",
            "../etc",
            "org/..",
            "org/a--b",
            "org/-a",
            "org/a@",
            "org/a@../x",
            "org/a@/x",
            "org/a@x//y",
            "org/ä",
            "org/a:",
            "org/a:b/c.gguf",
            "org/a:../x.gguf",
            "org/a:b:c",
        ] {
            assert!(matches!(parse(text), Err(ModelError::BadHubId { .. })), "{text}");
        }
        assert!(parse(&format!("org/{}", "a".repeat(97))).is_err());
    }
}
