//! The survey that ships with the program.

use std::sync::LazyLock;

use super::{Format, ImportOptions, Instrument, InstrumentError, Place};

const SURVEY: &str = include_str!("../../../../data/survey/survey.toml");

macro_rules! item_files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../data/survey/", $name)))),*]
    };
}

/// Name, as in the survey's `item_files`, and text.
const ITEM_FILES: [(&str, &str); 20] = item_files![
    "items/self-direction-thought.toml",
    "items/self-direction-action.toml",
    "items/stimulation.toml",
    "items/hedonism.toml",
    "items/achievement.toml",
    "items/power-dominance.toml",
    "items/power-resources.toml",
    "items/face.toml",
    "items/security-personal.toml",
    "items/security-societal.toml",
    "items/tradition.toml",
    "items/conformity-rules.toml",
    "items/conformity-interpersonal.toml",
    "items/humility.toml",
    "items/benevolence-dependability.toml",
    "items/benevolence-caring.toml",
    "items/universalism-concern.toml",
    "items/universalism-nature.toml",
    "items/universalism-tolerance.toml",
    "items/universalism-objectivity.toml",
];

static BUNDLED: LazyLock<Instrument> =
    LazyLock::new(|| read().expect("the bundled survey is valid, as a test asserts"));

fn read() -> Result<Instrument, InstrumentError> {
    let mut item_file = |name: &str| {
        let file = ITEM_FILES.iter().find(|(known, _)| *known == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| InstrumentError::Io {
            place: Place::file(name),
            source: std::io::ErrorKind::NotFound.into(),
        })
    };
    let options = ImportOptions::default();
    Instrument::parse(SURVEY.as_bytes(), "survey.toml", Format::Native, &options, &mut item_file)
}

impl Instrument {
    /// The bundled axia survey: 54 facets × 11 items, 3 instructions × 9 templates.
    #[must_use]
    pub fn bundled() -> &'static Self {
        &BUNDLED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_survey_is_valid() {
        let survey = read().unwrap();
        assert_eq!(survey.name, "axia-survey");
        assert_eq!(survey.variants().len(), 27);
    }
}
