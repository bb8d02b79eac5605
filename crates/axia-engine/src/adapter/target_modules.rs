//! Which modules an adapter is put on.

use fancy_regex::Regex;

use super::AdapterError;
use crate::config::LinearModule;
use crate::error::{nearest_name, suggestion};

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

    /// The modules of a model that are targeted, in the model's order.
    ///
    /// # Errors
    /// [`AdapterError::NoSuchTarget`] if a name or the pattern matches none, [`AdapterError::Pattern`] if
    /// the pattern cannot be used.
    pub fn select(&self, modules: &[LinearModule]) -> Result<Vec<LinearModule>, AdapterError> {
        match self {
            Self::AllLinear => Ok(modules.to_vec()),
            Self::Names(names) => select_by_names(names, modules),
            Self::Pattern(pattern) => select_by_pattern(pattern, modules),
        }
    }
}

fn select_by_names(
    names: &[String],
    modules: &[LinearModule],
) -> Result<Vec<LinearModule>, AdapterError> {
    let unmatched =
        names.iter().find(|name| !modules.iter().any(|module| is_named(&module.name, name)));
    if let Some(name) = unmatched {
        let last_parts = modules.iter().filter_map(|module| module.name.rsplit('.').next());
        return Err(AdapterError::NoSuchTarget {
            target: name.clone(),
            hint: suggestion(nearest_name(name, last_parts)),
        });
    }
    Ok(modules
        .iter()
        .filter(|module| names.iter().any(|name| is_named(&module.name, name)))
        .cloned()
        .collect())
}

/// Whether `path` is `name` or ends in it at a dot.
fn is_named(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn select_by_pattern(
    pattern: &str,
    modules: &[LinearModule],
) -> Result<Vec<LinearModule>, AdapterError> {
    let matcher = Matcher::new("target_modules", pattern, &format!("^(?:{pattern})$"))?;
    let mut selected = Vec::new();
    for module in modules {
        if matcher.matches(&module.name)? {
            selected.push(module.clone());
        }
    }
    if selected.is_empty() {
        return Err(AdapterError::NoSuchTarget { target: pattern.to_owned(), hint: String::new() });
    }
    Ok(selected)
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

    fn modules() -> Vec<LinearModule> {
        [
            "model.layers.0.self_attn.q_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.0.mlp.up_proj",
        ]
        .map(|name| LinearModule { name: name.to_owned(), inputs: 2, outputs: 2 })
        .to_vec()
    }

    fn selected(targets: &TargetModules) -> Vec<String> {
        let selected = targets.select(&modules()).unwrap();
        selected.into_iter().map(|module| module.name).collect()
    }

    #[test]
    fn names_match_whole_paths_or_their_ends() {
        let names =
            |names: &[&str]| TargetModules::Names(names.iter().map(|n| (*n).to_owned()).collect());
        assert_eq!(selected(&names(&["q_proj"])).len(), 2);
        assert_eq!(selected(&names(&["layers.0.self_attn.q_proj"])).len(), 1);
        assert_eq!(selected(&names(&["model.layers.0.mlp.up_proj"])).len(), 1);
        // No part of a name is enough.
        let error = names(&["proj"]).select(&modules()).unwrap_err();
        assert!(error.to_string().contains("`proj`"), "{error}");
        let error = names(&["q_proj", "up_prj"]).select(&modules()).unwrap_err();
        assert!(error.to_string().contains("did you mean `up_proj`"), "{error}");
    }

    #[test]
    fn patterns_match_whole_paths_and_may_look_around() {
        let pattern = |text: &str| TargetModules::Pattern(text.to_owned());
        assert_eq!(selected(&pattern(r".*\.q_proj")).len(), 2);
        assert_eq!(
            selected(&pattern(r"^(?!.*mlp).*layers\.(0|7)\..*")),
            ["model.layers.0.self_attn.q_proj"]
        );
        assert!(pattern("q_proj").select(&modules()).is_err());
        let error = pattern("(").select(&modules()).unwrap_err();
        assert!(error.to_string().contains("`target_modules` has the pattern `(`"), "{error}");
    }

    #[test]
    fn all_linear_is_everything() {
        assert_eq!(selected(&TargetModules::AllLinear).len(), 3);
    }
}
