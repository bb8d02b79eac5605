//! The settings of a LoRA adapter.

use super::target_modules::Matcher;
use super::{AdapterError, TargetModules};

/// What `adapter_config.json` says, as far as it is supported.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraConfig {
    /// The model the adapter was trained on: a hub id or a path.
    pub base_model: Option<String>,
    /// The revision of that model.
    pub revision: Option<String>,
    /// The rank, where `rank_pattern` does not say otherwise.
    pub r: usize,
    /// Scales the update, where `alpha_pattern` does not say otherwise.
    pub alpha: f64,
    /// Dropout on the adapter's input while training.
    pub dropout: f64,
    /// Divide by the root of the rank instead of the rank (Kalajdzievski, arXiv 2312.03732).
    pub use_rslora: bool,
    /// Which modules are adapted.
    pub target_modules: TargetModules,
    /// Ranks of modules whose path matches a pattern; the first match counts.
    pub rank_pattern: Vec<(String, usize)>,
    /// Alphas of modules whose path matches a pattern; the first match counts.
    pub alpha_pattern: Vec<(String, f64)>,
}

impl LoraConfig {
    /// The same rank and alpha on every linear layer, without dropout.
    pub fn uniform(r: usize, alpha: f64) -> Self {
        Self {
            base_model: None,
            revision: None,
            r,
            alpha,
            dropout: 0.0,
            use_rslora: false,
            target_modules: TargetModules::every_linear_layer(),
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
        }
    }

    /// The rank of the adapter on `module`.
    ///
    /// # Errors
    /// [`AdapterError::Pattern`] if a pattern cannot be used.
    pub fn rank_of(&self, module: &str) -> Result<usize, AdapterError> {
        let special = first_match("rank_pattern", &self.rank_pattern, module)?;
        Ok(special.unwrap_or(self.r))
    }

    /// The factor of the update B A x on `module`: α / r, or α / √r with `use_rslora`.
    ///
    /// # Errors
    /// [`AdapterError::Pattern`] if a pattern cannot be used.
    pub fn scale_of(&self, module: &str) -> Result<f64, AdapterError> {
        let rank = self.rank_of(module)? as f64;
        let special = first_match("alpha_pattern", &self.alpha_pattern, module)?;
        let alpha = special.unwrap_or(self.alpha);
        Ok(alpha / if self.use_rslora { rank.sqrt() } else { rank })
    }
}

/// The value of the first pattern that matches. As in PEFT a pattern stands for the end of a path, at a
/// dot, unless it begins with `^`.
fn first_match<T: Copy>(
    field: &'static str,
    patterns: &[(String, T)],
    module: &str,
) -> Result<Option<T>, AdapterError> {
    for (pattern, value) in patterns {
        let expression = if pattern.starts_with('^') {
            pattern.clone()
        } else {
            format!(r"^(?:.*\.)?(?:{pattern})$")
        };
        if Matcher::new(field, pattern, &expression)?.matches(module)? {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "model.layers.3.mlp.up_proj";

    #[test]
    fn the_scale_is_alpha_over_rank_or_its_root() {
        let mut config = LoraConfig::uniform(4, 8.0);
        assert_eq!(config.scale_of(MODULE).unwrap(), 2.0);
        config.use_rslora = true;
        assert_eq!(config.scale_of(MODULE).unwrap(), 4.0);
    }

    #[test]
    fn the_first_matching_pattern_counts() {
        let mut config = LoraConfig::uniform(4, 8.0);
        config.rank_pattern = vec![
            ("proj".to_owned(), 1),
            (r"layers\.[0-3]\.mlp\.up_proj".to_owned(), 16),
            ("up_proj".to_owned(), 2),
        ];
        config.alpha_pattern = vec![("^model.layers.3".to_owned(), 32.0)];
        assert_eq!(config.rank_of(MODULE).unwrap(), 16);
        assert_eq!(config.scale_of(MODULE).unwrap(), 2.0);
        assert_eq!(config.rank_of("model.layers.4.mlp.up_proj").unwrap(), 2);
        assert_eq!(config.scale_of("model.layers.4.mlp.up_proj").unwrap(), 4.0);
        assert_eq!(config.rank_of("model.layers.4.mlp.down_proj").unwrap(), 4);
    }
}
