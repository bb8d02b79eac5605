//! `--scale`: adapters turned down or up.

use clap::Args;

/// How strongly adapters act.
#[derive(Debug, Clone, Copy, Args)]
pub struct ScaleArgs {
    /// Factor on what an adapter changes: 0.5 for half of it
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1.0,
        value_parser = factor,
        allow_negative_numbers = true
    )]
    pub scale: f64,
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "it must be a number of at least 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_numbers_of_at_least_zero() {
        assert_eq!([factor("0"), factor("1.5")], [Ok(0.0), Ok(1.5)]);
        for wrong in ["-1", "nan", "inf", "half", ""] {
            assert!(factor(wrong).is_err(), "{wrong}");
        }
    }
}
