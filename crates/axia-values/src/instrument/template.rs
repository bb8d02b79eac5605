//! Response templates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text around the rating in an answer, such as `My answer is {rating}.`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    before: String,
    after: String,
}

/// A template whose number of `{rating}` places is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}` has {found} places for the rating; write {{rating}} exactly once")]
pub struct TemplateError {
    /// The text of the template.
    pub template: String,
    /// How often `{rating}` occurs in it.
    pub found: usize,
}

impl Template {
    /// The text before the rating, such as `My answer is `.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The text after the rating (its tail), often empty.
    #[must_use]
    pub fn after(&self) -> &str {
        &self.after
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(template: &str) -> Result<Self, TemplateError> {
        let spaced = template.replace("{ rating }", "{rating}");
        let parts: Vec<&str> = spaced.split("{rating}").collect();
        match parts[..] {
            [before, after] => Ok(Self { before: before.to_owned(), after: after.to_owned() }),
            _ => Err(TemplateError { template: template.to_owned(), found: parts.len() - 1 }),
        }
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(template: String) -> Result<Self, TemplateError> {
        template.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{rating}}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_rating() {
        let template: Template = "I say { rating } of 6.".parse().unwrap();
        assert_eq!((template.before(), template.after()), ("I say ", " of 6."));
        assert_eq!(template.to_string(), "I say {rating} of 6.");
    }

    #[test]
    fn needs_exactly_one_rating() {
        for (text, found) in [("", 0), ("Rating: 5", 0), ("{rating} or {rating}", 2)] {
            let error = text.parse::<Template>().unwrap_err();
            assert_eq!(error.found, found, "{text}");
        }
        assert_eq!(
            "Rating:".parse::<Template>().unwrap_err().to_string(),
            "template `Rating:` has 0 places for the rating; write {rating} exactly once"
        );
    }
}
