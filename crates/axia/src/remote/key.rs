//! The key that a server asks for.

use std::fmt;

use super::{Address, RemoteError};

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
