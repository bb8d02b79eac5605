//! The name under which others know a model.

use super::hub::HubId;
use super::{ModelReference, Settings, identify, known_models};

/// A model as adapters name their base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseName {
    /// A hub id where the model has one, else what the user called it.
    pub name: String,
    /// The hub's revision, if it is not the usual one.
    pub revision: Option<String>,
    /// SPDX name of the weights' licence, where it is known.
    pub licence: Option<&'static str>,
}

impl BaseName {
    /// The base that a user calls `argument`.
    pub fn of(argument: &str) -> Self {
        let plain = |name: &str| Self { name: name.to_owned(), revision: None, licence: None };
        let Ok(settings) = Settings::from_env() else { return plain(argument) };
        match identify(argument, &settings) {
            Ok(ModelReference::Known(model)) => {
                Self { licence: Some(model.licence), ..plain(model.origin) }
            }
            Ok(ModelReference::Hub(id)) => Self::of_hub(&id),
            _ => plain(argument),
        }
    }

    fn of_hub(id: &HubId) -> Self {
        let revision = Some(id.revision()).filter(|revision| *revision != "main");
        Self {
            name: match id.file() {
                Some(file) => format!("{}:{file}", id.repository()),
                None => id.repository().to_owned(),
            },
            revision: revision.map(str::to_owned),
            licence: None,
        }
    }

    /// What to give as a model to have this base: a known model by its own name, whose files are at hand.
    pub fn argument(name: &str, revision: Option<&str>) -> String {
        let known = known_models().iter().find(|model| model.origin.eq_ignore_ascii_case(name));
        match (known, revision) {
            (Some(model), None) => model.name.to_owned(),
            (_, Some(revision)) => match name.split_once(':') {
                Some((repository, file)) => format!("{repository}@{revision}:{file}"),
                None => format!("{name}@{revision}"),
            },
            (None, None) => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_models_go_by_the_name_they_were_published_under() {
        let base = BaseName::of("smollm2-135m-instruct");
        assert_eq!(base.name, "HuggingFaceTB/SmolLM2-135M-Instruct");
        assert_eq!((base.revision, base.licence), (None, Some("Apache-2.0")));
        assert_eq!(BaseName::argument(&base.name, None), "smollm2-135m-instruct");
        let base = BaseName::of("org/name@v2");
        assert_eq!((base.name.as_str(), base.revision.as_deref()), ("org/name", Some("v2")));
        assert_eq!(BaseName::argument("org/name", Some("v2")), "org/name@v2");
        let id = "org/name@v2:Q4_K_M";
        let base = BaseName::of(id);
        assert_eq!(base.name, "org/name:Q4_K_M");
        assert_eq!(BaseName::argument(&base.name, base.revision.as_deref()), id);
        assert_eq!(BaseName::of("./no/such/folder").name, "./no/such/folder");
    }
}
