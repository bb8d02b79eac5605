//! Errors for names that the taxonomy does not know.

use std::fmt;

use super::spelling::shorten;

/// A name that is no value of the requested level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownValue {
    /// The name as it was given.
    pub input: String,
    /// The nearest valid slug, if one is near.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(f, "value", &self.input, self.suggestion.as_deref())
    }
}

impl std::error::Error for UnknownValue {}

/// A name that is none of the 54 facets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFacet {
    /// The name as it was given.
    pub input: String,
    /// The nearest facet, if one is near.
    pub suggestion: Option<String>,
}

impl fmt::Display for UnknownFacet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe(f, "facet", &self.input, self.suggestion.as_deref())
    }
}

impl std::error::Error for UnknownFacet {}

fn describe(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    input: &str,
    suggestion: Option<&str>,
) -> fmt::Result {
    write!(f, "unknown {what} `{}`", shorten(input))?;
    match suggestion {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => Ok(()),
    }
}
