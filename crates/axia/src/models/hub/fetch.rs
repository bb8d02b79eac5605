//! Fetching a hub model into the shared cache.

use super::super::files::{create_folder, file_size, require_space};
use super::super::pull::FileLock;
use super::super::settings::{HUB_CACHE_VARIABLE as VARIABLE, HubSettings};
use super::super::{ModelError, Watch};
use super::HubId;
use super::cache::{INDEX, ModelCache, OPTIONAL, REQUIRED, WEIGHTS, missing_files, shards};
use super::client::Client;
use super::download::{Download, incomplete};
use super::listing::{Listing, RemoteFile};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of `id` in the cache, or its GGUF file where it names one.
///
/// # Errors
/// The names of the files that are missing.
pub fn cached(id: &HubId, settings: &HubSettings) -> Result<PathBuf, Vec<String>> {
    let Some(snapshot) = ModelCache::new(&settings.cache, id).current_snapshot() else {
        return Err(vec![id.file().unwrap_or("every file").to_owned()]);
    };
    if let Some(wanted) = id.file() {
        return find(&snapshot, wanted).ok_or_else(|| vec![wanted.to_owned()]);
    }
    match missing_files(&snapshot) {
        missing if missing.is_empty() => Ok(snapshot),
        missing => Err(missing),
    }
}

/// What [`cached`] gives of `id`, fetched only if it is incomplete: a
/// branch that moved since is not noticed. [`fetch`] notices.
///
/// # Errors
/// As [`fetch`].
pub fn cached_or_fetch(
    id: &HubId,
    settings: &HubSettings,
    watch: &mut Watch,
) -> Result<PathBuf, ModelError> {
    cached(id, settings).or_else(|_| {
        if settings.offline.is_none() {
            watch.note(&format!("asking {} for {id}", settings.endpoint));
        }
        fetch(id, settings, watch)
    })
}

/// Asks the hub what `id` means now, downloads what the cache lacks, and
/// returns the folder of the files, or the GGUF file where `id` names one.
///
/// Fetched are the configuration, tokenizer, chat template and safetensors,
/// all of one commit; or the GGUF file alone. A download cut short is taken up where it stopped,
/// also by a later call. Several calls at once wait for one another.
///
/// # Errors
/// Offline with files missing (with none missing the cached folder is
/// returned), no network, no access, no such model, a model without
/// safetensors or `tokenizer.json`, wrong content, file errors, or
/// [`ModelError::Cancelled`].
pub fn fetch(id: &HubId, settings: &HubSettings, watch: &mut Watch) -> Result<PathBuf, ModelError> {
    if let Some(variable) = settings.offline {
        return cached(id, settings).map_err(|missing| ModelError::Offline {
            variable,
            id: id.to_string(),
            cache: settings.cache.clone(),
            missing,
        });
    }
    let client = Client::new(settings);
    let listing = Listing::parse(&client.listing(id, watch)?, id)?;
    let cache = ModelCache::new(&settings.cache, id);
    let _lock = FileLock::acquire(&cache.lock(), &id.to_string(), VARIABLE, watch)?;
    let fetcher = Fetcher { id, client, listing, cache };
    fetcher.run(watch)
}

struct Fetcher<'a> {
    id: &'a HubId,
    client: Client<'a>,
    listing: Listing,
    cache: ModelCache,
}

impl Fetcher<'_> {
    /// Fetches weights last, so that a snapshot with weights is whole.
    fn run(&self, watch: &mut Watch) -> Result<PathBuf, ModelError> {
        if let Some(wanted) = self.id.file() {
            return self.fetch_gguf(wanted, watch);
        }
        let commit = &self.listing.commit;
        let mut small = Vec::new();
        for name in REQUIRED {
            small.push(self.required(name)?);
        }
        small.extend(OPTIONAL.iter().filter_map(|name| self.listing.get(name)));
        let sharded = self.is_sharded()?;
        if sharded {
            small.push(self.required(INDEX)?);
        }
        self.fetch_all(&small, watch)?;

        let snapshot = self.cache.snapshot(commit);
        let weights = match sharded {
            true => self.shards(&snapshot.join(INDEX))?,
            false => vec![self.required(WEIGHTS)?],
        };
        self.fetch_all(&weights, watch)?;
        self.cache.set_current(commit)?;
        Ok(snapshot)
    }

    fn fetch_gguf(&self, wanted: &str, watch: &mut Watch) -> Result<PathBuf, ModelError> {
        let names = self.listing.ending_in(".gguf");
        let name = choose(names, wanted).map_err(|problem| self.unsuitable(problem))?;
        self.fetch_all(&[self.required(name)?], watch)?;
        self.cache.set_current(&self.listing.commit)?;
        Ok(self.cache.snapshot(&self.listing.commit).join(name))
    }

    fn required(&self, name: &str) -> Result<&RemoteFile, ModelError> {
        self.listing
            .get(name)
            .ok_or_else(|| self.unsuitable(format!("the repository has no {name}")))
    }

    fn is_sharded(&self) -> Result<bool, ModelError> {
        if self.listing.get(WEIGHTS).is_some() {
            return Ok(false);
        }
        if self.listing.get(INDEX).is_some() {
            return Ok(true);
        }
        let ggufs: Vec<_> = self.listing.ending_in(".gguf").collect();
        Err(self.unsuitable(match ggufs.first() {
            Some(first) => format!(
                "the repository has GGUF files but no {WEIGHTS}; say which is meant, as in {}:{first}",
                self.id
            ),
            None => format!(
                "the repository has no {WEIGHTS}; look for a revision or a copy of the model in safetensors"
            ),
        }))
    }

    fn shards(&self, index: &Path) -> Result<Vec<&RemoteFile>, ModelError> {
        let names =
            shards(index).map_err(|e| self.unsuitable(format!("{INDEX} is of no use: {e}")))?;
        names.iter().map(|name| self.required(name)).collect()
    }

    fn unsuitable(&self, problem: String) -> ModelError {
        ModelError::Unsuitable { id: self.id.to_string(), problem }
    }

    fn fetch_all(&self, files: &[&RemoteFile], watch: &mut Watch) -> Result<(), ModelError> {
        let blobs = self.cache.blob("");
        create_folder(&blobs, VARIABLE)?;
        let lacking = files.iter().map(|file| self.bytes_lacking(file)).sum();
        require_space(&blobs, lacking, VARIABLE)?;
        for file in files {
            self.fetch_one(file, watch)?;
        }
        Ok(())
    }

    /// What is yet to be downloaded of `file`, in bytes.
    fn bytes_lacking(&self, file: &RemoteFile) -> u64 {
        let blob = self.cache.blob(&file.blob);
        let have = file_size(&blob).or_else(|| file_size(&incomplete(&blob)));
        file.bytes.saturating_sub(have.unwrap_or(0))
    }

    fn fetch_one(&self, file: &RemoteFile, watch: &mut Watch) -> Result<(), ModelError> {
        let blob = self.cache.blob(&file.blob);
        if !file.is_described() || file_size(&blob) != Some(file.bytes) {
            let download =
                Download { client: &self.client, id: self.id, commit: &self.listing.commit, file };
            download.run(&blob, watch)?;
        }
        self.cache.link(&self.listing.commit, &file.name, &file.blob)
    }
}

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
