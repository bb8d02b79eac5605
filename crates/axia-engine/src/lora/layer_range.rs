//! Some of a model's layers.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Consecutive layers, counted from 0; the last one belongs to them. Written `10-29`, or `7` for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LayerRange {
    first: usize,
    last: usize,
}

impl LayerRange {
    /// `None` if `first` comes after `last`.
    pub fn new(first: usize, last: usize) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The first layer.
    pub fn first(self) -> usize {
        self.first
    }

    /// The last layer.
    pub fn last(self) -> usize {
        self.last
    }

    /// Whether `layer` is one of them.
    pub fn contains(self, layer: usize) -> bool {
        (self.first..=self.last).contains(&layer)
    }
}

impl FromStr for LayerRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |part: &str| part.trim().parse::<usize>().ok();
        number(first).zip(number(last)).and_then(|(first, last)| Self::new(first, last)).ok_or_else(
            || format!("`{text}` is not a range of layers such as 10-29, counted from 0"),
        )
    }
}

impl TryFrom<String> for LayerRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<LayerRange> for String {
    fn from(range: LayerRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for LayerRange {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        let range: LayerRange = "10-29".parse().unwrap();
        assert_eq!((range.first(), range.last()), (10, 29));
        assert_eq!("7".parse::<LayerRange>().unwrap().to_string(), "7-7");
        assert_eq!(serde_json::to_string(&range).unwrap(), "\"10-29\"");
        assert_eq!(serde_json::from_str::<LayerRange>("\"10-29\"").unwrap(), range);
        for wrong in ["", "-", "3-", "-3", "5-4", "1-2-3", "a", "1.5"] {
            let error = wrong.parse::<LayerRange>().unwrap_err();
            assert!(error.contains("10-29"), "{error}");
        }
    }
}
