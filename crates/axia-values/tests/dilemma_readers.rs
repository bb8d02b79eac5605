//! Readers of dilemmas take any bytes without a panic, account for every row, and read back
//! whatever was written.

use axia_values::check::{CheckProfile, DilemmaCheckReport};
use axia_values::dilemma::{
    Dilemma, DilemmaSet, ImportReport, Justification, Provenance, Stance, Submission,
};
use axia_values::taxonomy::RefinedValue;
use proptest::prelude::*;

/// Name and content of a valid file of each format, for mutation.
const VALID: [(&str, &str); 2] = [
    (
        "a.jsonl",
        "{\"format\":\"axia-dilemmas\",\"format_version\":1,\"name\":\"a\",\"licence\":null}\n\
         {\"id\":\"a\",\"value\":\"face\",\"high_stance\":\"NTA\",\"low_stance\":\"YTA\",\
         \"post\":\"He left. Why?\",\"justification\":{\"value\":\"\",\"high_stance\":\"\",\
         \"low_stance\":\"\"},\"provenance\":{\"kind\":\"original\"}}\n",
    ),
    (
        "a.json",
        "{\"Face\": [{\"post\": \"He left. Why?\", \"value\": \"face\", \
         \"high_standard_stance\": \"NTA\", \"low_standard_stance\": \"YTA\"}]}",
    ),
];

/// Whatever was read is valid, complete, can be checked, and survives being written.
fn check(bytes: &[u8], source: &str) -> Result<(), TestCaseError> {
    let import = match DilemmaSet::parse(bytes, source) {
        Ok(import) => import,
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            return Ok(());
        }
    };
    let ImportReport { rows, kept, .. } = import.report;
    prop_assert_eq!(kept, import.set.dilemmas.len());
    prop_assert_eq!(rows, kept + import.report.kept_out());
    prop_assert!(import.set.validate().is_ok());
    let _ = DilemmaCheckReport::new(&import.set, CheckProfile::General).to_string();
    let written = import.set.to_jsonl().unwrap();
    let again = DilemmaSet::parse(written.as_bytes(), "again.jsonl").unwrap();
    prop_assert_eq!(again.set.dilemmas, import.set.dilemmas);
    prop_assert_eq!(again.report.kept_out(), 0);
    Ok(())
}

#[test]
fn the_seeds_of_mutation_are_valid() {
    for (source, text) in VALID {
        assert_eq!(DilemmaSet::parse(text.as_bytes(), source).unwrap().report.kept, 1);
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zé\"',:{}#\\[\\]=\\\\\u{202e}-]{1,8}([ \\n][a-zA-Z\"'\\\\]{1,8}){0,4}"
}

fn provenance() -> impl Strategy<Value = Provenance> {
    let submission = (text(), any::<i64>(), 0.0..1.0f64, any::<Option<bool>>()).prop_map(
        |(name, score, agreement, consistent)| {
            Provenance::Submission(Submission {
                subreddit: name.clone(),
                id: name.clone(),
                permalink: name.clone(),
                score,
                created_utc: score,
                annotator: name,
                votes: 3,
                agreement,
                consistent,
            })
        },
    );
    prop_oneof![Just(Provenance::Original), Just(Provenance::Imported), submission]
}

fn dilemma() -> impl Strategy<Value = Dilemma> {
    let stances = (0..3usize, 1..3usize)
        .prop_map(|(high, step)| (Stance::ALL[high], Stance::ALL[(high + step) % 3]));
    (prop::sample::select(RefinedValue::ALL.to_vec()), stances, text(), text(), provenance())
        .prop_map(|(value, (high_stance, low_stance), post, reason, provenance)| Dilemma {
            id: String::new(),
            value,
            high_stance,
            low_stance,
            post,
            justification: Justification { value: reason, ..Justification::default() },
            provenance,
        })
}

fn set() -> impl Strategy<Value = DilemmaSet> {
    prop::collection::vec(dilemma(), 1..8).prop_map(|dilemmas| {
        // Numbered posts are different posts.
        let number = |(index, dilemma): (usize, Dilemma)| Dilemma {
            id: format!("id {index}"),
            post: format!("{} {index}", dilemma.post),
            ..dilemma
        };
        let dilemmas = dilemmas.into_iter().enumerate().map(number).collect();
        DilemmaSet { name: "round \"trip\"".into(), licence: Some("CC0-1.0".into()), dilemmas }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..2usize) {
        check(&bytes, VALID[which].0)?;
    }

    #[test]
    fn any_text_is_safe(text in "\\PC{0,120}", which in 0..2usize) {
        check(text.as_bytes(), VALID[which].0)?;
    }

    #[test]
    fn any_post_is_safe(post in any::<String>()) {
        let row = serde_json::json!({"Face": [{
            "post": post, "high_standard_stance": "YTA", "low_standard_stance": "Neutral",
        }]});
        check(row.to_string().as_bytes(), "a.json")?;
    }

    #[test]
    fn mutated_files_are_safe(
        which in 0..2usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let (source, text) = VALID[which];
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        check(&bytes, source)?;
    }

    #[test]
    fn sets_survive_being_written(set in set()) {
        let written = set.to_jsonl().unwrap();
        prop_assert_eq!(&DilemmaSet::parse(written.as_bytes(), "x.jsonl").unwrap().set, &set);
        let public = set.to_public_json().unwrap();
        let again = DilemmaSet::parse(public.as_bytes(), "x.json").unwrap();
        prop_assert_eq!(again.report.kept, set.dilemmas.len());
        prop_assert!(again.report.value_mismatches.is_empty());
        for read in &again.set.dilemmas {
            let original = set.dilemmas.iter().find(|row| row.post == read.post).unwrap();
            prop_assert_eq!(read.value, original.value);
            prop_assert_eq!(read.high_stance, original.high_stance);
            prop_assert_eq!(read.low_stance, original.low_stance);
            prop_assert_eq!(&read.justification, &original.justification);
        }
        prop_assert_eq!(again.set.to_public_json().unwrap(), public);
    }

    #[test]
    fn parts_are_parts(set in set(), size in 0..10usize, seed: u64) {
        let sample = set.sample(size, seed);
        prop_assert_eq!(sample.dilemmas.len(), size.min(set.dilemmas.len()));
        let capped = set.capped(size, seed);
        for part in [sample, capped] {
            prop_assert!(part.dilemmas.iter().all(|row| set.dilemmas.contains(row)));
        }
    }
}
