//! Readers take any bytes without a panic, and read back whatever was written.

use axia_values::instrument::{
    Dimension, Format, ImportOptions, Instrument, InstrumentError, Item, Split, SplitRule,
};
use axia_values::taxonomy::Value;
use proptest::prelude::*;

const FORMATS: [Format; 6] = [
    Format::Native,
    Format::PublicJson,
    Format::ValueBench,
    Format::Csv,
    Format::Tsv,
    Format::Jsonl,
];

/// A valid file of each format, for mutation.
const VALID: [&str; 6] = [
    "instructions = [\"Rate.\"]\ntemplates = [\"{rating}\"]\n[[item]]\nid = \"a\"\n\
     value = \"face\"\nstatement = \"I bow.\"\nsplit = \"train\"\nreversed = true\n",
    "{\"tasks\": [\"Rate.\"], \"response_template\": [\"R: {rating}\"], \"train\": \
     [{\"sentence\": \"I bow.\", \"negative_sentence\": \"I sit.\", \"category\": \"Face\", \
     \"level1\": [\"have a good reputation\"], \"level2\": [\"Face\"], \"level3\": []}]}",
    "questionnaire,item,value,agreement\nPVQ40,I bow.,Power,1\nX,\"I, too\",Y,-1\n",
    "id,statement,value,split,reversed\na,\"I \"\"bow\"\".\",face,train,false\n",
    "statement\tdimension\nI bow.\tModesty\n",
    "{\"statement\": \"I bow.\", \"value\": \"face\"}\n{\"text\": \"I sit.\", \"trait\": \"X\"}\n",
];

fn parse(bytes: &[u8], format: Format) -> Result<Instrument, InstrumentError> {
    let options = ImportOptions {
        questionnaire: Some("PVQ40".into()),
        splits: SplitRule::Seeded { seed: 1, train: 0.6, validation: 0.2 },
        ..ImportOptions::default()
    };
    Instrument::parse(bytes, "file", format, &options, &mut |_| Ok(VALID[0].to_owned()))
}

/// Whatever was read is valid, has distinct ids, and survives being written.
fn check(bytes: &[u8], format: Format) -> Result<(), TestCaseError> {
    let instrument = match parse(bytes, format) {
        Ok(instrument) => instrument,
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            return Ok(());
        }
    };
    prop_assert!(instrument.validate().is_ok());
    let toml = instrument.to_toml().unwrap();
    prop_assert_eq!(parse(toml.as_bytes(), Format::Native).unwrap().items, instrument.items);
    Ok(())
}

#[test]
fn the_seeds_of_mutation_are_valid() {
    for (format, text) in FORMATS.into_iter().zip(VALID) {
        parse(text.as_bytes(), format).unwrap();
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zé\"',:{}#\\[\\]=\\\\-]{1,8}( [a-zA-Z\"'\\\\]{1,8}){0,4}"
}

fn item() -> impl Strategy<Value = Item> {
    let dimension = prop_oneof![
        (0..34usize).prop_map(|index| Dimension::Value(Value::all().nth(index).unwrap())),
        text().prop_map(Dimension::Named),
    ];
    let split = prop::sample::select(Split::ALL.to_vec());
    let optional = || prop::option::of(text());
    (dimension, split, text(), optional(), optional(), optional(), any::<bool>()).prop_map(
        |(dimension, split, statement, contrast, facet, domain, reversed)| Item {
            id: String::new(),
            dimension,
            facet,
            split,
            domain,
            statement,
            contrast,
            reversed,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0..6usize) {
        check(&bytes, FORMATS[which])?;
    }

    #[test]
    fn any_text_is_safe(text in "\\PC{0,120}", which in 0..6usize) {
        check(text.as_bytes(), FORMATS[which])?;
    }

    #[test]
    fn mutated_files_are_safe(
        which in 0..6usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut bytes = VALID[which].as_bytes().to_vec();
        for (index, byte, kind) in edits {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        check(&bytes, FORMATS[which])?;
    }

    #[test]
    fn instruments_survive_being_written(items in prop::collection::vec(item(), 1..8)) {
        let items = items.into_iter().enumerate()
            .map(|(index, item)| Item { id: format!("item-{index}"), ..item })
            .collect();
        let instrument = Instrument {
            name: "round".into(),
            title: "Round \"trip\"".into(),
            licence: None,
            instructions: vec!["Rate it:\n1 to 6".into()],
            templates: vec!["\\{rating} \"out\" of 6".parse().unwrap()],
            items,
        };
        let toml = instrument.to_toml().unwrap();
        prop_assert_eq!(parse(toml.as_bytes(), Format::Native).unwrap(), instrument);
    }
}
