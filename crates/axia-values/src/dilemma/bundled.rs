//! The dilemmas that ship with the program.

use std::sync::LazyLock;

use super::{DilemmaError, DilemmaSet};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../data/dilemmas/", $name)))),*]
    };
}

/// Name and content, in the order of the names.
const FILES: [(&str, &[u8]); 20] = files![
    "achievement.jsonl",
    "benevolence-caring.jsonl",
    "benevolence-dependability.jsonl",
    "conformity-interpersonal.jsonl",
    "conformity-rules.jsonl",
    "face.jsonl",
    "hedonism.jsonl",
    "humility.jsonl",
    "power-dominance.jsonl",
    "power-resources.jsonl",
    "security-personal.jsonl",
    "security-societal.jsonl",
    "self-direction-action.jsonl",
    "self-direction-thought.jsonl",
    "stimulation.jsonl",
    "tradition.jsonl",
    "universalism-concern.jsonl",
    "universalism-nature.jsonl",
    "universalism-objectivity.jsonl",
    "universalism-tolerance.jsonl",
];

static BUNDLED: LazyLock<DilemmaSet> =
    LazyLock::new(|| read().expect("the bundled dilemmas are valid, as a test asserts"));

fn read() -> Result<DilemmaSet, DilemmaError> {
    DilemmaSet::parse_files(&FILES, "data/dilemmas").map(|import| import.set)
}

impl DilemmaSet {
    /// The bundled dilemmas: 20 refined values × 10 posts, written for axia.
    #[must_use]
    pub fn bundled() -> &'static Self {
        &BUNDLED
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_bundled_dilemmas_are_those_of_the_folder_and_all_are_usable() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/dilemmas");
        let import = DilemmaSet::read(&folder).unwrap();
        assert_eq!(&import.set, DilemmaSet::bundled());
        assert_eq!((import.report.rows, import.report.kept), (200, 200), "{}", import.report);
        assert!(import.report.same_post_other_values.is_empty(), "{}", import.report);
        assert_eq!(import.set.name, "axia-dilemmas");
    }
}
