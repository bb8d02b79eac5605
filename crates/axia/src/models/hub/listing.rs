use serde::Deserialize;

use super::super::ModelError;
use super::HubId;
use super::cache::is_plain_name;

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
