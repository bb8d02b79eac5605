//! Where models are kept and how they are fetched, from the environment.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ModelError;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// The variable that moves this program's cache, named in errors.
pub(super) const CACHE_VARIABLE: &str = "AXIA_CACHE";
/// The variable that moves the hub's cache, named in errors.
pub(super) const HUB_CACHE_VARIABLE: &str = "HF_HUB_CACHE";

/// Everything the fetching of models depends on besides its arguments.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of this program's own cache; models are in `models/` below it.
    pub cache: PathBuf,
    /// Commands that may run pip, best first, each a program with its first
    /// arguments.
    pub pip: Vec<Vec<OsString>>,
    /// The user's home folder, for a leading `~` in a path.
    pub home: Option<PathBuf>,
    /// The Hugging Face hub.
    pub hub: HubSettings,
}

/// How to reach the Hugging Face hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// The hub's shared cache, in the layout of the `huggingface_hub` package.
    pub cache: PathBuf,
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    /// The user's access token.
    pub token: Option<Token>,
    /// The variable that forbids downloads, if one does.
    pub offline: Option<&'static str>,
    /// How often a broken download is taken up again.
    pub retries: u32,
    /// Pause before the first retry; doubled before each further one.
    pub retry_pause: Duration,
    /// After how long without a byte a download counts as broken.
    pub stall: Duration,
}

/// An access token, kept out of debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// `None` if nothing but white space is given.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ModelError::NoHome`] if no variable says where to keep models.
    pub fn from_env() -> Result<Self, ModelError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// Reads the environment through `variable`; an empty value counts as
    /// none.
    ///
    /// - `AXIA_CACHE`, else `$XDG_CACHE_HOME/axia`, else `~/.cache/axia`;
    /// - `HF_HUB_CACHE`, else `$HF_HOME/hub`, where `HF_HOME` is by default
    ///   `huggingface` beside `axia`;
    /// - `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else `$HF_HOME/token`;
    /// - `HF_ENDPOINT`; `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`.
    ///
    /// # Errors
    /// [`ModelError::NoHome`] if no variable says where to keep models.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ModelError> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = get("HOME").or_else(|| get("USERPROFILE")).map(PathBuf::from);
        let path = |name: &str| get(name).map(|value| expand(Path::new(&value), home.as_deref()));
        // The XDG specification wants relative paths ignored.
        let caches = path("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| home.as_ref().map(|home| home.join(".cache")));
        let under_caches =
            |name: &str| caches.as_ref().map(|caches| caches.join(name)).ok_or(ModelError::NoHome);

        let cache = path(CACHE_VARIABLE).map_or_else(|| under_caches("axia"), Ok)?;
        let hf_home = path("HF_HOME").map_or_else(|| under_caches("huggingface"), Ok);
        let hub_cache = match path(HUB_CACHE_VARIABLE).or_else(|| path("HUGGINGFACE_HUB_CACHE")) {
            Some(path) => path,
            None => hf_home.as_ref().map_err(|_| ModelError::NoHome)?.join("hub"),
        };
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        let token_file = path("HF_TOKEN_PATH").or(hf_home.ok().map(|home| home.join("token")));
        let token = text("HF_TOKEN")
            .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
            .or_else(|| std::fs::read_to_string(token_file?).ok());

        Ok(Self {
            cache,
            pip: default_pip(),
            home: home.clone(),
            hub: HubSettings {
                cache: hub_cache,
                endpoint: text("HF_ENDPOINT")
                    .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
                    .trim_end_matches('/')
                    .to_owned(),
                token: token.as_deref().and_then(Token::new),
                offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
                    .into_iter()
                    .find(|name| text(name).is_some_and(|value| is_true(&value))),
                retries: 5,
                retry_pause: Duration::from_secs(1),
                stall: Duration::from_secs(30),
            },
        })
    }
}

fn default_pip() -> Vec<Vec<OsString>> {
    [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]]
        .iter()
        .map(|words| words.iter().map(OsString::from).collect())
        .collect()
}

/// The values that `huggingface_hub` takes for true.
fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
}

/// Replaces a leading `~`, which a shell leaves alone in `--model=~/x`.
pub(super) fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, ModelError> {
        Settings::from_variables(|name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn home_alone_gives_the_usual_places() {
        let settings = settings(&[("HOME", "/h")]).unwrap();
        assert_eq!(settings.cache, Path::new("/h/.cache/axia"));
        assert_eq!(settings.hub.cache, Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(settings.hub.endpoint, "https://huggingface.co");
        assert_eq!(settings.hub.token, None);
        assert_eq!(settings.hub.offline, None);
    }

    #[test]
    fn more_specific_variables_win() {
        let all = [
            ("HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
            ("AXIA_CACHE", "~/a"),
            ("HF_HOME", "/hf"),
            ("HF_HUB_CACHE", "/hub"),
        ];
        let full = settings(&all).unwrap();
        assert_eq!(full.cache, Path::new("/h/a"));
        assert_eq!(full.hub.cache, Path::new("/hub"));
        let some = settings(&all[..2]).unwrap();
        assert_eq!(some.cache, Path::new("/x/axia"));
        assert_eq!(some.hub.cache, Path::new("/x/huggingface/hub"));
        let hf_home = settings(&[("HOME", "/h"), ("HF_HOME", "/hf")]).unwrap();
        assert_eq!(hf_home.hub.cache, Path::new("/hf/hub"));
    }

    #[test]
    fn empty_and_relative_values_are_ignored_where_they_must_be() {
        let settings = settings(&[
            ("HOME", "/h"),
            ("AXIA_CACHE", ""),
            ("XDG_CACHE_HOME", "rel"),
            ("HF_TOKEN", " \n"),
        ])
        .unwrap();
        assert_eq!(settings.cache, Path::new("/h/.cache/axia"));
        assert_eq!(settings.hub.token, None);
    }

    #[test]
    fn no_home_is_an_error_only_if_it_is_needed() {
        assert!(matches!(settings(&[]), Err(ModelError::NoHome)));
        assert!(matches!(settings(&[("AXIA_CACHE", "/a")]), Err(ModelError::NoHome)));
        assert!(settings(&[("AXIA_CACHE", "/a"), ("HF_HOME", "/hf")]).is_ok());
    }

    #[test]
    fn token_from_variable_then_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();
        let file = file.to_str().unwrap();
        let home = ("HOME", "/h");
        let secret = |variables: &[(&str, &str)]| {
            let token = settings(variables).unwrap().hub.token;
            token.map(|token| token.secret().to_owned())
        };
        assert_eq!(secret(&[home, ("HF_TOKEN_PATH", file)]).unwrap(), "from-file");
        let both = [home, ("HF_TOKEN_PATH", file), ("HF_TOKEN", "from-env")];
        assert_eq!(secret(&both).unwrap(), "from-env");
        let hf_home = [home, ("HF_HOME", folder.path().to_str().unwrap())];
        assert_eq!(secret(&hf_home).unwrap(), "from-file");
    }

    #[test]
    fn token_stays_out_of_debug_output() {
        let settings = settings(&[("HOME", "/h"), ("HF_TOKEN", "hf_secret")]).unwrap();
        assert!(!format!("{settings:?}").contains("hf_secret"));
    }

    #[test]
    fn offline_and_endpoint() {
        let offline =
            |value| settings(&[("HOME", "/h"), ("HF_HUB_OFFLINE", value)]).unwrap().hub.offline;
        assert_eq!(offline("1"), Some("HF_HUB_OFFLINE"));
        assert_eq!(offline("True"), Some("HF_HUB_OFFLINE"));
        assert_eq!(offline("0"), None);
        let mirror = settings(&[("HOME", "/h"), ("HF_ENDPOINT", "https://m.example/")]).unwrap();
        assert_eq!(mirror.hub.endpoint, "https://m.example");
    }
}
