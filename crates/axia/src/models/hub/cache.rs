use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};
use serde::Deserialize;

use super::super::ModelError;
use super::super::files::create_folder;
use super::super::settings::HUB_CACHE_VARIABLE as VARIABLE;
use super::HubId;

/// A single file of weights, preferred over shards as transformers does.
pub(super) const WEIGHTS: &str = "model.safetensors";
/// Says which shard holds which tensor.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Without these there is no model.
pub(super) const REQUIRED: [&str; 2] = ["config.json", "tokenizer.json"];
/// Used where they exist.
pub(super) const OPTIONAL: [&str; 3] =
    ["generation_config.json", "tokenizer_config.json", "chat_template.jinja"];

/// One model's place in the hub cache.
pub(super) struct ModelCache {
    root: PathBuf,
    id: HubId,
    folder_name: String,
    repo: CacheRepo,
}

impl ModelCache {
    pub(super) fn new(root: &Path, id: &HubId) -> Self {
        let repo = Repo::with_revision(
            id.repository().to_owned(),
            RepoType::Model,
            id.revision().to_owned(),
        );
        Self {
            root: root.to_path_buf(),
            id: id.clone(),
            folder_name: repo.folder_name(),
            repo: Cache::new(root.to_path_buf()).repo(repo),
        }
    }

    /// The folder of links to the files of one commit.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repo.pointer_path(commit)
    }

    /// The snapshot that the revision meant when it was last asked for.
    pub(super) fn current_snapshot(&self) -> Option<PathBuf> {
        if self.id.is_commit() {
            return Some(self.snapshot(self.id.revision()));
        }
        let reference = self.folder().join("refs").join(self.id.revision());
        let commit = fs::read_to_string(reference).ok()?;
        let commit = commit.trim();
        is_plain_name(commit).then(|| self.snapshot(commit))
    }

    /// Records that the revision now means `commit`.
    pub(super) fn set_current(&self, commit: &str) -> Result<(), ModelError> {
        if self.id.is_commit() {
            return Ok(());
        }
        self.repo
            .create_ref(commit)
            .map_err(|e| ModelError::io("write a reference in", &self.folder(), VARIABLE, e))
    }

    pub(super) fn blob(&self, name: &str) -> PathBuf {
        self.folder().join("blobs").join(name)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join(".locks").join(&self.folder_name).join("axia.lock")
    }

    /// Makes `file` of `commit` a link to the blob called `blob`.
    pub(super) fn link(&self, commit: &str, file: &str, blob: &str) -> Result<(), ModelError> {
        let snapshot = self.snapshot(commit);
        create_folder(&snapshot, VARIABLE)?;
        let link = snapshot.join(file);
        let failed = |e| ModelError::io("link", &link, VARIABLE, e);
        // Also a link whose blob is gone must make way.
        match fs::remove_file(&link) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => {}
        }
        let target = Path::new("../../blobs").join(blob);
        symlink(&target, &self.blob(blob), &link).map_err(failed)
    }

    fn folder(&self) -> PathBuf {
        self.root.join(&self.folder_name)
    }
}

#[cfg(unix)]
fn symlink(relative: &Path, _absolute: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(relative, link)
}

/// Windows wants a privilege for symbolic links, but none for hard ones.
#[cfg(windows)]
fn symlink(relative: &Path, absolute: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(relative, link).or_else(|_| fs::hard_link(absolute, link))
}

/// What a usable snapshot still lacks, as file names; empty if nothing.
pub(super) fn missing_files(snapshot: &Path) -> Vec<String> {
    let has = |name: &str| snapshot.join(name).is_file();
    let mut missing: Vec<_> =
        REQUIRED.into_iter().filter(|name| !has(name)).map(str::to_owned).collect();
    if !has(WEIGHTS) {
        match shards(&snapshot.join(INDEX)) {
            Ok(shards) => missing.extend(shards.into_iter().filter(|name| !has(name))),
            Err(_) => missing.push(WEIGHTS.to_owned()),
        }
    }
    missing
}

/// The files that the index at `path` names, sorted.
pub(super) fn shards(path: &Path) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::HashMap<String, String>,
    }
    let text = fs::read(path).map_err(|e| e.to_string())?;
    let index: Index = serde_json::from_slice(&text).map_err(|e| e.to_string())?;
    let names: BTreeSet<_> = index.weight_map.into_values().collect();
    if names.is_empty() {
        return Err("`weight_map` names no file".to_owned());
    }
    match names.iter().find(|name| !is_plain_name(name)) {
        Some(name) => Err(format!("`weight_map` names the file {name:?}")),
        None => Ok(names),
    }
}

/// Whether a name that came from outside is safe as a single path component.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_the_shared_one() {
        let id = "org/name@v1".parse().unwrap();
        let cache = ModelCache::new(Path::new("/c"), &id);
        assert_eq!(cache.snapshot("abc"), Path::new("/c/models--org--name/snapshots/abc"));
        assert_eq!(cache.blob("e"), Path::new("/c/models--org--name/blobs/e"));
        assert_eq!(cache.lock(), Path::new("/c/.locks/models--org--name/axia.lock"));
    }

    #[test]
    fn a_reference_that_leaves_the_cache_is_ignored() {
        let root = tempfile::tempdir().unwrap();
        let refs = root.path().join("models--o--n/refs");
        fs::create_dir_all(&refs).unwrap();
        let cache = ModelCache::new(root.path(), &"o/n".parse().unwrap());
        assert_eq!(cache.current_snapshot(), None);
        fs::write(refs.join("main"), "../../../etc").unwrap();
        assert_eq!(cache.current_snapshot(), None);
        fs::write(refs.join("main"), "abc\n").unwrap();
        assert_eq!(cache.current_snapshot(), Some(cache.snapshot("abc")));
    }

    #[test]
    fn missing_shards_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(missing_files(folder.path()), ["config.json", "tokenizer.json", WEIGHTS]);
        write("config.json", "{}");
        write("tokenizer.json", "{}");
        write(
            INDEX,
            r#"{"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}}"#,
        );
        write("b.safetensors", "");
        assert_eq!(missing_files(folder.path()), ["a.safetensors"]);
        write("a.safetensors", "");
        assert!(missing_files(folder.path()).is_empty());
    }

    #[test]
    fn an_index_may_not_name_other_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(INDEX);
        for name in ["../x", "/etc/passwd", "a/b", ".hidden", ""] {
            let text = serde_json::json!({"weight_map": {"x": name}}).to_string();
            fs::write(&path, text).unwrap();
            assert!(shards(&path).unwrap_err().contains("names the file"), "{name}");
        }
        fs::write(&path, r#"{"weight_map": {}}"#).unwrap();
        assert!(shards(&path).is_err());
    }
}
