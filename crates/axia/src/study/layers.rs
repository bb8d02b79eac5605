//! Which of a model's layers are adapted.

use axia_engine::lora::LayerRange;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Layers to adapt, whatever the model's depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Layers {
    /// All of them.
    All,
    /// The uppermost, in percent of all: they act on what the lower ones made of a text, at less cost in
    /// language and time.
    Top(u8),
    /// These.
    Range(LayerRange),
}

impl Layers {
    /// The layers of a model with `layers` layers in all; `None` for all of them.
    pub fn of(self, layers: usize) -> Option<LayerRange> {
        match self {
            Self::All => None,
            Self::Top(percent) => {
                let count = (layers * usize::from(percent)).div_ceil(100).clamp(1, layers.max(1));
                LayerRange::new(layers.saturating_sub(count), layers.saturating_sub(1))
            }
            Self::Range(range) => Some(range),
        }
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let percent = text.strip_prefix("top-").and_then(|rest| rest.strip_suffix('%'));
        let percent = percent.and_then(|number| number.parse().ok());
        let top = percent.filter(|percent| (1..=100).contains(percent)).map(Self::Top);
        top.or_else(|| text.parse().ok().map(Self::Range)).ok_or_else(|| {
            format!("`{text}` may be all, a share such as top-40%, or a range such as 18-29")
        })
    }
}

impl TryFrom<String> for Layers {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Layers> for String {
    fn from(layers: Layers) -> Self {
        layers.to_string()
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Top(percent) => write!(f, "top-{percent}%"),
            Self::Range(range) => write!(f, "{range}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_models_depth() {
        let top = |percent, layers| Layers::Top(percent).of(layers).unwrap().to_string();
        assert_eq!(top(40, 30), "18-29");
        assert_eq!(top(40, 28), "16-27");
        assert_eq!(top(1, 3), "2-2");
        assert_eq!(top(100, 3), "0-2");
        assert_eq!(Layers::All.of(30), None);
    }

    #[test]
    fn layers_are_read_as_they_are_written() {
        for text in ["all", "top-40%", "18-29"] {
            assert_eq!(text.parse::<Layers>().unwrap().to_string(), text);
        }
        for wrong in ["", "top", "top-0%", "top-101%", "40%", "29-18", "none"] {
            let error = wrong.parse::<Layers>().unwrap_err();
            assert!(error.contains("top-40%"), "{error}");
        }
    }
}
