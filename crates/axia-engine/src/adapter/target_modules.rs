//! Which modules an adapter is put on.

use fancy_regex::Regex;

use super::AdapterError;

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
