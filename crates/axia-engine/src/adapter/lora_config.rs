//! The settings of a LoRA adapter, and the modules that it targets.

use super::AdapterError;
use crate::config::LinearModule;
use crate::spelling::{nearest_name, suggestion};
use fancy_regex::Regex;

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
    /// Modules left out although they are targeted.
    pub exclude_modules: Option<TargetModules>,
    /// Blocks to which the targets are confined, if they are; modules that are targeted by their whole path
    /// are not.
    pub layers: Option<LayerChoice>,
    /// Ranks of modules whose path matches a pattern; the first match counts.
    pub rank_pattern: Vec<(String, usize)>,
    /// Alphas of modules whose path matches a pattern; the first match counts.
    pub alpha_pattern: Vec<(String, f64)>,
}

/// Some of a model's blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerChoice {
    /// Their numbers, from 0 (`layers_to_transform`).
    pub blocks: Vec<usize>,
    /// Patterns of the name of the list they stand in (`layers_pattern`), such as `layers`; none for any.
    pub lists: Vec<String>,
}

impl LayerChoice {
    /// Whether the module at `path` is in one of these blocks.
    fn covers(&self, path: &str) -> Result<bool, AdapterError> {
        let block = path.split('.').find_map(|part| part.parse::<usize>().ok());
        let Some(block) = block.filter(|block| self.blocks.contains(block)) else {
            return Ok(false);
        };
        for list in &self.lists {
            let expression = format!(r"^(?:.*?\.)?(?:{list})\.{block}\.");
            if Matcher::new("layers_pattern", list, &expression)?.matches(path)? {
                return Ok(true);
            }
        }
        Ok(self.lists.is_empty())
    }
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
            exclude_modules: None,
            layers: None,
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
        }
    }

    /// Those of a model's linear layers that are adapted, in the model's order. As in PEFT a list of
    /// targets may name some that the model lacks, but not only such.
    ///
    /// # Errors
    /// [`AdapterError::NoSuchTarget`] if no layer is adapted, [`AdapterError::Pattern`] if a pattern
    /// cannot be used.
    pub fn targeted(&self, layers: &[LinearModule]) -> Result<Vec<LinearModule>, AdapterError> {
        let targets = Selector::new("target_modules", &self.target_modules)?;
        let excluded = self.exclude_modules.as_ref();
        let excluded =
            excluded.map(|modules| Selector::new("exclude_modules", modules)).transpose()?;
        let mut targeted = Vec::new();
        for layer in layers {
            let path = &layer.name;
            let is_excluded = match &excluded {
                Some(excluded) => excluded.covers(path)?,
                None => false,
            };
            let is_chosen = match &self.layers {
                Some(choice) => targets.spells_out(path) || choice.covers(path)?,
                None => true,
            };
            if !is_excluded && is_chosen && targets.covers(path)? {
                targeted.push(layer.clone());
            }
        }
        if targeted.is_empty() {
            let target = self.target_modules.example();
            let names = layers.iter().filter_map(|layer| layer.name.rsplit('.').next());
            let hint = suggestion(nearest_name(target, names).filter(|name| *name != target));
            return Err(AdapterError::NoSuchTarget { target: target.to_owned(), hint });
        }
        Ok(targeted)
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
/// dot, or with `^` for all of it.
fn first_match<T: Copy>(
    field: &'static str,
    patterns: &[(String, T)],
    module: &str,
) -> Result<Option<T>, AdapterError> {
    for (pattern, value) in patterns {
        let expression = format!(r"^(?:.*\.)?(?:{pattern})$");
        if Matcher::new(field, pattern, &expression)?.matches(module)? {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

/// PEFT's name for every linear layer but the output projection.
pub(super) const ALL_LINEAR: &str = "all-linear";

/// Which linear layers are adapted, in PEFT's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetModules {
    /// Modules with one of these paths, or whose path ends in one of them (`q_proj`).
    Names(Vec<String>),
    /// Modules whose whole path matches this regular expression.
    Pattern(String),
    /// Every linear layer but the output projection.
    AllLinear,
}

impl TargetModules {
    /// Every linear layer of a block, by name: what other tools understand best.
    pub fn every_linear_layer() -> Self {
        let names = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"];
        Self::Names(names.map(str::to_owned).to_vec())
    }

    /// The first name, for messages: a list may be long.
    pub(super) fn example(&self) -> &str {
        match self {
            Self::Names(names) => names.first().map_or("", String::as_str),
            Self::Pattern(pattern) => pattern,
            Self::AllLinear => ALL_LINEAR,
        }
    }
}

/// Which paths a [`TargetModules`] covers, with its pattern compiled.
pub(super) enum Selector<'a> {
    Names(&'a [String]),
    Pattern(Matcher),
    Everything,
}

impl<'a> Selector<'a> {
    /// Compiles `modules`, which the option `field` holds.
    pub fn new(field: &'static str, modules: &'a TargetModules) -> Result<Self, AdapterError> {
        Ok(match modules {
            TargetModules::Names(names) => Self::Names(names),
            TargetModules::Pattern(pattern) => {
                Self::Pattern(Matcher::new(field, pattern, &format!("^(?:{pattern})$"))?)
            }
            TargetModules::AllLinear => Self::Everything,
        })
    }

    /// Whether the module at `path` is covered.
    pub fn covers(&self, path: &str) -> Result<bool, AdapterError> {
        match self {
            Self::Names(names) => Ok(names.iter().any(|name| is_named(path, name))),
            Self::Pattern(matcher) => matcher.matches(path),
            Self::Everything => Ok(true),
        }
    }

    /// Whether the whole path is given, so that it is meant in that block and no other.
    pub fn spells_out(&self, path: &str) -> bool {
        matches!(self, Self::Names(names) if names.iter().any(|name| name == path))
    }
}

/// Whether `path` is `name` or ends in it at a dot.
fn is_named(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// A compiled pattern that remembers what to say when it fails.
pub(super) struct Matcher {
    field: &'static str,
    pattern: String,
    regex: Regex,
}

impl Matcher {
    /// Compiles `expression`, which stands for the `pattern` of the option `field`.
    pub fn new(field: &'static str, pattern: &str, expression: &str) -> Result<Self, AdapterError> {
        let regex = Regex::new(expression).map_err(|error| AdapterError::Pattern {
            field,
            pattern: pattern.to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self { field, pattern: pattern.to_owned(), regex })
    }

    /// Whether `path` matches.
    pub fn matches(&self, path: &str) -> Result<bool, AdapterError> {
        self.regex.is_match(path).map_err(|error| AdapterError::Pattern {
            field: self.field,
            pattern: self.pattern.clone(),
            problem: error.to_string(),
        })
    }
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
        config.alpha_pattern = vec![
            ("^model.layers.3".to_owned(), 1.0),
            (r"^model\.layers\.3\.mlp\..*".to_owned(), 32.0),
        ];
        assert_eq!(config.rank_of(MODULE).unwrap(), 16);
        assert_eq!(config.scale_of(MODULE).unwrap(), 2.0);
        assert_eq!(config.rank_of("model.layers.4.mlp.up_proj").unwrap(), 2);
        assert_eq!(config.scale_of("model.layers.4.mlp.up_proj").unwrap(), 4.0);
        assert_eq!(config.rank_of("model.layers.4.mlp.down_proj").unwrap(), 4);
    }

    fn targeted(config: &LoraConfig) -> Result<Vec<String>, AdapterError> {
        let layers: Vec<LinearModule> = (0..3)
            .flat_map(|block| {
                ["self_attn.q_proj", "mlp.up_proj"].map(|module| LinearModule {
                    name: format!("model.layers.{block}.{module}"),
                    inputs: 8,
                    outputs: 4,
                })
            })
            .collect();
        let short = |layer: LinearModule| layer.name.replace("model.layers.", "");
        Ok(config.targeted(&layers)?.into_iter().map(short).collect())
    }

    fn names(names: &[&str]) -> TargetModules {
        TargetModules::Names(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn targets_are_confined_to_blocks_and_less_what_is_excluded() {
        let mut config = LoraConfig::uniform(4, 8.0);
        assert_eq!(targeted(&config).unwrap().len(), 6);
        let choice = |blocks: &[usize], lists: &[&str]| {
            let lists = lists.iter().map(|list| (*list).to_owned()).collect();
            Some(LayerChoice { blocks: blocks.to_vec(), lists })
        };
        config.layers = choice(&[1], &[]);
        assert_eq!(targeted(&config).unwrap(), ["1.self_attn.q_proj", "1.mlp.up_proj"]);
        config.exclude_modules = Some(TargetModules::Pattern(r".*\.mlp\..*".to_owned()));
        assert_eq!(targeted(&config).unwrap(), ["1.self_attn.q_proj"]);
        config.exclude_modules = Some(names(&["up_proj"]));
        assert_eq!(targeted(&config).unwrap(), ["1.self_attn.q_proj"]);
        config.layers = choice(&[0, 2, 9], &["h", "layers"]);
        assert_eq!(targeted(&config).unwrap(), ["0.self_attn.q_proj", "2.self_attn.q_proj"]);
        config.layers = choice(&[0], &["h"]);
        assert!(targeted(&config).is_err());
        // A whole path is meant wherever it lies.
        config.target_modules = names(&["model.layers.1.self_attn.q_proj"]);
        assert_eq!(targeted(&config).unwrap(), ["1.self_attn.q_proj"]);
    }

    #[test]
    fn a_list_may_name_modules_of_other_models_but_not_only() {
        let mut config = LoraConfig::uniform(4, 8.0);
        config.target_modules = names(&["query_key_value", "up_proj"]);
        assert_eq!(targeted(&config).unwrap().len(), 3);
        config.target_modules = names(&["up_prj"]);
        let error = targeted(&config).unwrap_err().to_string();
        assert!(error.contains("did you mean `up_proj`"), "{error}");
    }
}

#[cfg(test)]
mod target_modules_tests {
    use super::*;

    const QUERIES: &str = "model.layers.10.self_attn.q_proj";

    fn covers(modules: &TargetModules, path: &str) -> bool {
        Selector::new("target_modules", modules).unwrap().covers(path).unwrap()
    }

    fn names(names: &[&str]) -> TargetModules {
        TargetModules::Names(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn names_match_whole_parts_of_a_path() {
        for name in ["q_proj", "self_attn.q_proj", "10.self_attn.q_proj", QUERIES] {
            assert!(covers(&names(&[name]), QUERIES), "{name}");
        }
        for name in ["proj", "0.self_attn.q_proj", "k_proj", "self_attn"] {
            assert!(!covers(&names(&[name]), QUERIES), "{name}");
        }
        let list = names(&["q_proj"]);
        assert!(!Selector::new("target_modules", &list).unwrap().spells_out(QUERIES));
        let list = names(&["q_proj", QUERIES]);
        assert!(Selector::new("target_modules", &list).unwrap().spells_out(QUERIES));
    }

    #[test]
    fn patterns_match_whole_paths_and_may_look_around() {
        let pattern = |text: &str| TargetModules::Pattern(text.to_owned());
        assert!(covers(&pattern(r".*\.q_proj"), QUERIES));
        assert!(covers(&pattern(r"^(?!.*mlp).*layers\.(0|10)\..*"), QUERIES));
        assert!(!covers(&pattern("q_proj"), QUERIES));
        let broken = pattern("(");
        let error = Selector::new("exclude_modules", &broken).err().unwrap();
        assert!(error.to_string().contains("`exclude_modules` has the pattern `(`"), "{error}");
    }

    #[test]
    fn all_linear_is_everything() {
        assert!(covers(&TargetModules::AllLinear, QUERIES));
    }
}
