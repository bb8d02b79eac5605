//! Who may ask.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// The key that a server asks for. Only its hash is kept.
#[derive(Clone)]
pub struct AccessKey([u8; 32]);

impl AccessKey {
    /// The key `text`; nothing where it is blank or has characters that no header can carry.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_sendable = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        is_sendable.then(|| Self(hash(text)))
    }

    /// Whether an `Authorization` header holds the key. Takes the same time wherever a wrong key
    /// differs, because hashes are compared, and all of them.
    pub(super) fn opens(&self, authorization: Option<&str>) -> bool {
        let Some((scheme, key)) = authorization.and_then(|header| header.split_once(' ')) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer") && bool::from(self.0.ct_eq(&hash(key.trim())))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens() {
        let key = AccessKey::new(" sesame\n").unwrap();
        assert!(key.opens(Some("Bearer sesame")) && key.opens(Some("bearer  sesame ")));
        for wrong in [None, Some("sesame"), Some("Basic sesame"), Some("Bearer sesam"), Some("")] {
            assert!(!key.opens(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{key:?}"), "AccessKey(…)");
    }

    #[test]
    fn blank_and_unsendable_keys_are_none() {
        assert!(
            ["", " \n", "two words", "sesamé"].into_iter().all(|k| AccessKey::new(k).is_none())
        );
    }
}
