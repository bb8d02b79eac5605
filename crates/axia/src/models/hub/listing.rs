use super::super::ModelError;
use super::cache::is_plain_name;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// One commit of a model: what `GET /api/models/{id}/revision/{rev}` says.
pub(super) struct Listing {
    pub(super) commit: String,
    files: Vec<RemoteFile>,
}

/// A file of that commit.
#[derive(Clone)]
pub(super) struct RemoteFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Its name among the cache's blobs: SHA-256 for large files, else git's
    /// hash.
    pub(super) blob: String,
    /// Known for large files only.
    pub(super) sha256: Option<String>,
}

impl Listing {
    pub(super) fn parse(text: &[u8], id: &HubId) -> Result<Self, ModelError> {
        let answer: Answer = serde_json::from_slice(text)
            .map_err(|e| useless(id, format!("not as expected: {e}")))?;
        if !is_plain_name(&answer.sha) {
            return Err(useless(id, format!("the commit is called {:?}", answer.sha)));
        }
        // A listing without sizes and hashes yields files that cannot be
        // checked; only those asked for matter, so they fail on use.
        let files = answer.siblings.into_iter().map(Sibling::into_file).collect();
        Ok(Self { commit: answer.sha, files })
    }

    pub(super) fn get(&self, name: &str) -> Option<&RemoteFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Names of the files that end in `suffix`.
    pub(super) fn ending_in<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.iter().map(|file| file.name.as_str()).filter(move |name| name.ends_with(suffix))
    }
}

impl RemoteFile {
    /// Whether the file's blob goes by git's hash of it.
    pub(super) fn has_git_hash(&self) -> bool {
        self.sha256.is_none()
            && self.blob.len() == 40
            && self.blob.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    }

    /// Whether the hub said enough to store and check the file.
    pub(super) fn is_described(&self) -> bool {
        is_plain_name(&self.blob)
    }
}

fn useless(id: &HubId, problem: String) -> ModelError {
    ModelError::HubAnswer { what: format!("the list of files of {id}"), problem }
}

#[derive(Deserialize)]
struct Answer {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: String,
    size: u64,
}

impl Sibling {
    fn into_file(self) -> RemoteFile {
        let sha256 = self.lfs.as_ref().map(|lfs| lfs.sha256.clone());
        RemoteFile {
            name: self.rfilename,
            bytes: self.lfs.map(|lfs| lfs.size).or(self.size).unwrap_or(0),
            blob: sha256.clone().or(self.blob_id).unwrap_or_default(),
            sha256,
        }
    }
}

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

    fn parse(text: &str) -> Result<Listing, ModelError> {
        Listing::parse(text.as_bytes(), &"o/n".parse().unwrap())
    }

    #[test]
    fn large_files_go_by_sha256_and_small_ones_by_git_hash() {
        let listing = parse(
            r#"{"sha": "c0", "extra": 1, "siblings": [
                {"rfilename": "config.json", "size": 7, "blobId": "b1"},
                {"rfilename": "m.safetensors", "size": 9, "blobId": "b2",
                 "lfs": {"sha256": "5a", "size": 9, "pointerSize": 3}},
                {"rfilename": "bare"}]}"#,
        )
        .unwrap();
        assert_eq!(listing.commit, "c0");
        let small = listing.get("config.json").unwrap();
        assert_eq!((small.bytes, small.blob.as_str()), (7, "b1"));
        assert_eq!(small.sha256, None);
        let large = listing.get("m.safetensors").unwrap();
        assert_eq!((large.bytes, large.blob.as_str()), (9, "5a"));
        assert_eq!(large.sha256.as_deref(), Some("5a"));
        assert!(!listing.get("bare").unwrap().is_described());
        assert_eq!(listing.ending_in(".json").collect::<Vec<_>>(), ["config.json"]);
    }

    #[test]
    fn names_that_leave_the_cache_are_refused() {
        assert!(parse(r#"{"sha": "../x", "siblings": []}"#).is_err());
        assert!(parse("<html>").is_err());
        let listing =
            parse(r#"{"sha": "c", "siblings": [{"rfilename": "f", "blobId": "/etc/x"}]}"#).unwrap();
        assert!(!listing.get("f").unwrap().is_described());
    }
}

#[cfg(test)]
mod id_tests {
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
