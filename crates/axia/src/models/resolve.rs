//! From what a user types to files on disk.

use super::hub::{self, HubId};
use super::settings::expand;
use super::{Check, KnownModel, ModelError, Settings, Watch, known_model, known_models, pull};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Least Jaro–Winkler similarity at which a known name is suggested.
const ALIKE: f64 = 0.75;

/// A model on disk, ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelLocation {
    /// A single GGUF file.
    Gguf(PathBuf),
    /// A folder with `config.json` and safetensors.
    Folder(PathBuf),
}

impl ModelLocation {
    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Gguf(path) | Self::Folder(path) => path,
        }
    }
}

/// What an argument means, before anything is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelReference {
    /// A model that is on disk.
    Local(ModelLocation),
    /// A model from the list of known ones.
    Known(&'static KnownModel),
    /// A model of the Hugging Face hub.
    Hub(HubId),
}

/// Finds the model that `argument` means, and fetches it if it isn't here.
///
/// # Errors
/// Those of [`identify`], and those of fetching.
pub fn resolve(
    argument: &str,
    settings: &Settings,
    watch: &mut Watch,
) -> Result<ModelLocation, ModelError> {
    match identify(argument, settings)? {
        ModelReference::Local(location) => Ok(location),
        ModelReference::Known(model) => {
            let pulled = pull(model, settings, Check::Size, watch)?;
            Ok(ModelLocation::Gguf(pulled.path))
        }
        ModelReference::Hub(id) => {
            let kind =
                if id.file().is_some() { ModelLocation::Gguf } else { ModelLocation::Folder };
            hub::cached_or_fetch(&id, &settings.hub, watch).map(kind)
        }
    }
}

/// Says what `argument` means, without touching the network: an existing
/// path first, then a known name, then a hub id.
///
/// # Errors
/// [`ModelError::NoSuchPath`] if it looks like a path and nothing is there,
/// [`ModelError::NotAModel`] if something else is there,
/// [`ModelError::BadHubId`] or [`ModelError::Unknown`] otherwise.
pub fn identify(argument: &str, settings: &Settings) -> Result<ModelReference, ModelError> {
    let path = expand(Path::new(argument), settings.home.as_deref());
    if path.exists() {
        return match (local(&path), known_model(argument)) {
            // A folder of results may well bear the name of its model.
            (Err(_), Some(model)) => Ok(ModelReference::Known(model)),
            (location, _) => location.map(ModelReference::Local),
        };
    }
    if let Some(model) = known_model(argument) {
        return Ok(ModelReference::Known(model));
    }
    if looks_like_path(argument) && !names_file_of_hub(argument) {
        return Err(ModelError::NoSuchPath(path));
    }
    if argument.contains('/') {
        return argument.parse().map(ModelReference::Hub);
    }
    Err(unknown(argument))
}

fn local(path: &Path) -> Result<ModelLocation, ModelError> {
    let not_a_model = |problem: String| ModelError::NotAModel { path: path.to_path_buf(), problem };
    if path.is_dir() {
        if path.join("config.json").is_file() {
            return Ok(ModelLocation::Folder(path.to_path_buf()));
        }
        return Err(not_a_model(match first_gguf(path) {
            Some(name) => format!("the folder has no config.json; give the file {name} in it"),
            None => "the folder has no config.json".to_owned(),
        }));
    }
    if has_extension(path, "gguf") || starts_like_gguf(path) {
        return Ok(ModelLocation::Gguf(path.to_path_buf()));
    }
    Err(not_a_model(match has_extension(path, "safetensors") {
        true => "give the folder that holds it and config.json".to_owned(),
        false => "expected a .gguf file, or a folder with config.json and safetensors".to_owned(),
    }))
}

fn first_gguf(folder: &Path) -> Option<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| has_extension(path, "gguf"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names.into_iter().next()
}

fn has_extension(path: &Path, expected: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(expected))
}

/// Files of other programs' stores often have a hash for a name.
fn starts_like_gguf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"GGUF"
}

/// Whether it is a hub id with a file behind it.
fn names_file_of_hub(argument: &str) -> bool {
    let id = argument.split_once(':').map(|(id, _)| id);
    id.is_some_and(|id| id.contains('/') && !looks_like_path(id))
}

fn looks_like_path(argument: &str) -> bool {
    let path = Path::new(argument);
    path.is_absolute()
        || argument.starts_with(['.', '~'])
        || argument.ends_with(['/', '\\'])
        || argument.contains('\\')
        || has_extension(path, "gguf")
        || has_extension(path, "safetensors")
        || (argument.split('@').next().unwrap_or_default().matches('/').count() > 1)
}

fn unknown(argument: &str) -> ModelError {
    let known: Vec<_> = known_models().iter().map(|model| model.name).collect();
    let wanted = argument.to_ascii_lowercase();
    let suggestion = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, name), *name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned());
    ModelError::Unknown { argument: argument.to_owned(), known, suggestion }
}

/// A model as adapters name their base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseName {
    /// A hub id where the model has one, else what the user called it.
    pub name: String,
    /// The hub's revision, if it is not the usual one.
    pub revision: Option<String>,
    /// SPDX name of the weights' licence, where it is known.
    pub licence: Option<&'static str>,
}

impl BaseName {
    /// The base that a user calls `argument`.
    pub fn of(argument: &str) -> Self {
        let plain = |name: &str| Self { name: name.to_owned(), revision: None, licence: None };
        let Ok(settings) = Settings::from_env() else { return plain(argument) };
        match identify(argument, &settings) {
            Ok(ModelReference::Known(model)) => {
                Self { licence: Some(model.licence), ..plain(model.origin) }
            }
            Ok(ModelReference::Hub(id)) => Self::of_hub(&id),
            _ => plain(argument),
        }
    }

    fn of_hub(id: &HubId) -> Self {
        let revision = Some(id.revision()).filter(|revision| *revision != "main");
        Self {
            name: match id.file() {
                Some(file) => format!("{}:{file}", id.repository()),
                None => id.repository().to_owned(),
            },
            revision: revision.map(str::to_owned),
            licence: None,
        }
    }

    /// What to give as a model to have this base: a known model by its own name, whose files are at hand.
    pub fn argument(name: &str, revision: Option<&str>) -> String {
        let known = known_models().iter().find(|model| model.origin.eq_ignore_ascii_case(name));
        match (known, revision) {
            (Some(model), None) => model.name.to_owned(),
            (_, Some(revision)) => match name.split_once(':') {
                Some((repository, file)) => format!("{repository}@{revision}:{file}"),
                None => format!("{name}@{revision}"),
            },
            (None, None) => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_models_go_by_the_name_they_were_published_under() {
        let base = BaseName::of("smollm2-135m-instruct");
        assert_eq!(base.name, "HuggingFaceTB/SmolLM2-135M-Instruct");
        assert_eq!((base.revision, base.licence), (None, Some("Apache-2.0")));
        assert_eq!(BaseName::argument(&base.name, None), "smollm2-135m-instruct");
        let base = BaseName::of("org/name@v2");
        assert_eq!((base.name.as_str(), base.revision.as_deref()), ("org/name", Some("v2")));
        assert_eq!(BaseName::argument("org/name", Some("v2")), "org/name@v2");
        let id = "org/name@v2:Q4_K_M";
        let base = BaseName::of(id);
        assert_eq!(base.name, "org/name:Q4_K_M");
        assert_eq!(BaseName::argument(&base.name, base.revision.as_deref()), id);
        assert_eq!(BaseName::of("./no/such/folder").name, "./no/such/folder");
    }
}
