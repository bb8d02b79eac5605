//! How often a server may be asked.

use anyhow::anyhow;
use std::str::FromStr;

/// Requests a minute.
#[derive(Debug, Clone, Copy)]
pub struct Rate(u32);

impl Rate {
    /// Their number, at least 1.
    pub const fn per_minute(self) -> u32 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim().trim_end_matches("/min").trim_end().parse();
        match number {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(anyhow!("expected requests a minute such as 60 or 60/min, at least 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for text in ["60", "60/min", " 60 /min"] {
            assert_eq!(text.parse::<Rate>().unwrap().per_minute(), 60);
        }
        for text in ["0", "-1", "60/s", "x", ""] {
            assert!(text.parse::<Rate>().unwrap_err().to_string().contains("60/min"), "{text}");
        }
    }
}
