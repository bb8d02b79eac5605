//! Where a server is.

use std::fmt;
use std::str::FromStr;

use ureq::http::Uri;

use super::RemoteError;

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
}
