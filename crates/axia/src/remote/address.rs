//! Where a server is, and the key that it wants.

use super::RemoteError;
use std::fmt;
use std::str::FromStr;
use ureq::http::Uri;

/// The base address of an OpenAI-compatible server, such as `http://localhost:8000/v1`.
///
/// Read from what people paste: with or without a slash at the end, with or without `/v1`, or as
/// the full address of an endpoint. A path that has a version already (`/v1beta/openai`) stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Endpoints that are cut off an address, the longer first.
const ENDPOINTS: [&str; 3] = ["/chat/completions", "/completions", "/models"];

impl Address {
    /// The full address of the endpoint `path`, such as `/chat/completions`.
    pub(super) fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = RemoteError;

    fn from_str(given: &str) -> Result<Self, RemoteError> {
        let wrong = |problem: &'static str| RemoteError::Address { given: shown(given), problem };
        let uri: Uri = given.trim().parse().map_err(|_| wrong("is no web address"))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => return Err(wrong("must begin with http:// or https://")),
        };
        let host = uri.authority().ok_or_else(|| wrong("names no host"))?.as_str();
        if host.contains('@') {
            return Err(wrong(
                "holds a user name or password; a key is read from the environment alone",
            ));
        }
        if uri.query().is_some() || given.contains('#') {
            return Err(wrong("has a part after ? or #; give the base address alone"));
        }
        let mut path = uri.path().trim_end_matches('/');
        if let Some(base) = ENDPOINTS.iter().find_map(|endpoint| path.strip_suffix(endpoint)) {
            path = base;
        }
        let version = if path.split('/').any(is_version) { "" } else { "/v1" };
        Ok(Self(format!("{scheme}://{host}{path}{version}")))
    }
}

/// Whether a part of a path is `v1`, `v4`, `v1beta`, ….
fn is_version(part: &str) -> bool {
    let number = part.strip_prefix('v').unwrap_or_default();
    number.starts_with(|c: char| c.is_ascii_digit())
}

/// `given` without the parts that may hold a secret.
fn shown(given: &str) -> String {
    let given = given.trim();
    let end = given.find(['?', '#']).unwrap_or(given.len());
    match given[..end].rfind('@') {
        Some(at) => format!("…{}", &given[at..end]),
        None => given[..end].to_owned(),
    }
}

/// A server's API key, kept out of debug output, errors and logs.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// Where OpenAI's own key is, which goes to no other server.
const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI: &str = "https://api.openai.com/";

impl ApiKey {
    /// The key for the server at `address`: in the environment variable `name`, or for OpenAI's own
    /// server in `OPENAI_API_KEY`, if that is not set.
    ///
    /// # Errors
    /// As of [`Self::from_env`].
    pub fn for_server(name: &'static str, address: &Address) -> Result<Option<Self>, RemoteError> {
        match Self::from_env(name)? {
            None if address.to_string().starts_with(OPENAI) => Self::from_env(OPENAI_KEY),
            key => Ok(key),
        }
    }

    /// The key in the environment variable `name`; `None` if it is unset or blank.
    ///
    /// # Errors
    /// [`RemoteError::Key`] if it cannot be sent in a header.
    pub fn from_env(name: &'static str) -> Result<Option<Self>, RemoteError> {
        match std::env::var(name) {
            Ok(text) => Self::new(&text, name),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(RemoteError::Key { variable: name }),
        }
    }

    /// The key `text`, which came from the environment variable `name`; `None` if it is blank.
    ///
    /// # Errors
    /// [`RemoteError::Key`] if it cannot be sent in a header.
    pub fn new(text: &str, name: &'static str) -> Result<Option<Self>, RemoteError> {
        let text = text.trim();
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(RemoteError::Key { variable: name });
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// `text` without the key, for servers that repeat it in their errors.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "…")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &str) -> String {
        given.parse::<Address>().unwrap().to_string()
    }

    #[test]
    fn what_people_paste_means_the_same_server() {
        for given in [
            "http://localhost:8000",
            "http://localhost:8000/",
            "http://localhost:8000/v1",
            " http://localhost:8000/v1/ ",
            "http://localhost:8000/v1/chat/completions",
            "http://localhost:8000/v1/completions/",
            "http://localhost:8000/v1/models",
            "HTTP://localhost:8000//",
        ] {
            assert_eq!(read(given), "http://localhost:8000/v1", "{given}");
        }
    }

    #[test]
    fn paths_before_and_after_the_version_stay() {
        assert_eq!(read("https://h.example/api"), "https://h.example/api/v1");
        assert_eq!(read("https://h.example/v1beta/openai/"), "https://h.example/v1beta/openai");
        assert_eq!(read("https://h.example/very"), "https://h.example/very/v1");
        assert_eq!(read("http://[::1]:80/v4"), "http://[::1]:80/v4");
    }

    #[test]
    fn unusable_addresses_are_refused_without_their_secrets() {
        for (given, part) in [
            ("", "no web address"),
            ("localhost:8000", "must begin with http://"),
            ("localhost", "must begin with http://"),
            ("ftp://h.example", "must begin with http://"),
            ("file://h/etc/passwd", "must begin with http://"),
            ("http://a b", "no web address"),
            ("http://user:sesame@h.example/v1", "environment"),
            ("http://h.example/v1?key=sesame", "base address"),
            ("http://h.example/v1#sesame", "base address"),
        ] {
            let message = given.parse::<Address>().unwrap_err().to_string();
            assert!(message.contains(part), "{given}: {message}");
            assert!(!message.contains("sesame"), "{message}");
        }
    }

    #[test]
    fn blank_is_none_and_unsendable_is_an_error_that_keeps_the_secret() {
        assert_eq!(ApiKey::new(" \n", "K").unwrap(), None);
        let key = ApiKey::new(" sesame\n", "K").unwrap().unwrap();
        assert_eq!(key.authorization(), "Bearer sesame");
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        for text in ["ses\name", "ses ame", "sesamé"] {
            let message = ApiKey::new(text, "K").unwrap_err().to_string();
            assert!(message.contains('K') && !message.contains("ses"), "{message}");
        }
    }
}
