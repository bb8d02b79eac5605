use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::instrument::{Dimension, Format, ImportOptions, Instrument, Split};
use crate::rating::Rating;
use crate::taxonomy::{BasicValue, HigherValue, RefinedValue as V, Value};

fn rating(number: u8) -> Rating {
    Rating::new(number).unwrap()
}

#[test]
fn a_basic_target_stands_for_its_refined_values() {
    let target = Target::new(BasicValue::Power, Direction::Down);
    assert_eq!(target.name, "power-down");
    assert_eq!(target.direction(), Some(Direction::Down));
    for value in V::ALL {
        let wanted = (value.basic() == BasicValue::Power).then_some(Rating::MIN);
        assert_eq!(target.goal(&value.into()), wanted, "{value}");
    }
    assert_eq!(target.goal(&BasicValue::Power.into()), Some(Rating::MIN));
    assert_eq!(target.goal(&HigherValue::SelfEnhancement.into()), None);
    assert_eq!(target.distance(&V::Face.into()), Some(0));
    assert_eq!(target.distance(&V::SecuritySocietal.into()), Some(2));
    assert_eq!(target.distance(&BasicValue::Security.into()), Some(1));
    assert_eq!(target.distance(&Dimension::Named("x".into())), None);
}

#[test]
fn part_of_a_basic_value_is_no_target_of_the_whole() {
    let target = Target::new(V::Tradition, Direction::Up);
    assert_eq!(target.goal(&V::Tradition.into()), Some(Rating::MAX));
    assert_eq!(target.goal(&BasicValue::Tradition.into()), None);
    assert_eq!(
        Target::new(V::Hedonism, Direction::Up).goal(&BasicValue::Hedonism.into()).map(Rating::get),
        Some(6)
    );
}

#[test]
fn lower_levels_overrule_higher_ones() {
    let text = "name = \"gentle\"\n[ratings]\nself-transcendence = 6\nUniversalism = 5\n\
                UNN = 4\n[traits]\n\"Social Boldness\" = 2\n";
    let target = Target::from_toml(text, "t.toml").unwrap();
    let goal = |value: V| target.goal(&value.into()).map(Rating::get);
    assert_eq!(goal(V::Humility), Some(6));
    assert_eq!(goal(V::UniversalismConcern), Some(5));
    assert_eq!(goal(V::UniversalismNature), Some(4));
    assert_eq!(goal(V::Face), None);
    assert_eq!(target.goal(&Dimension::Named("Social Boldness".into())), Some(rating(2)));
    assert_eq!(target.direction(), None);
    let json = serde_json::to_string(&target).unwrap();
    assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), target);
}

#[test]
fn json_and_toml_files_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    let toml = folder.path().join("mine.toml");
    let json = folder.path().join("mine.json");
    fs::write(&toml, "[ratings]\nface = 2\n").unwrap();
    fs::write(&json, "{\"ratings\": {\"Face\": 2}}").unwrap();
    let target = Target::load(&toml).unwrap();
    assert_eq!(target, Target::load(&json).unwrap());
    assert_eq!(target.name, "mine");
    assert!(Target::load(&folder.path().join("none.toml")).is_err());
}

#[test]
fn mistakes_in_target_files_are_named() {
    let error = |text: &str| Target::from_toml(text, "t.toml").unwrap_err().to_string();
    assert_eq!(
        error("[ratings]\npowr = 1"),
        "t.toml, field `ratings`: unknown value `powr`; did you mean `power`?; put traits of \
         other questionnaires under `traits`"
    );
    assert!(error("[ratings]\nface = 7").starts_with("t.toml, `face`: 7 is no rating"));
    assert!(error("").contains("rates no value"));
    assert!(error("[rating]\nface = 1").contains("unknown field `rating`"));
    assert!(error("format_version = 2").contains("reads 1"));
    let borders = "[ratings]\nopenness-to-change = 6\nself-enhancement = 1";
    assert!(error(borders).contains("`hedonism` gets two different ratings"));
    assert!(error("[ratings]\nface = 1\nFAC = 2").contains("`face` gets two"));
    assert!(Target::from_toml(&format!("{borders}\nhedonism = 3"), "t.toml").is_ok());
}

const ITEMS: &str = "id,statement,value,reversed,split\n\
    a,I lead.,power-dominance,false,train\n\
    b,I follow.,power-dominance,true,train\n\
    c,I bow.,humility,false,train\n\
    d,I rule.,power-dominance,false,test\n";

fn instrument() -> Instrument {
    let options = ImportOptions::default();
    let none = &mut |_: &str| Ok(String::new());
    Instrument::parse(ITEMS.as_bytes(), "t.csv", Format::Csv, &options, none).unwrap()
}

fn baseline() -> BTreeMap<String, Rating> {
    [("a", 5), ("b", 2), ("c", 4)].map(|(id, number)| (id.to_owned(), rating(number))).into()
}

#[test]
fn target_items_get_the_goal_and_all_others_keep_their_baseline() {
    let instrument = instrument();
    let target = Target::new(V::PowerDominance, Direction::Down);
    let rows = TrainingRows::new(&instrument, Split::Train, &baseline(), &target).unwrap();
    let rated: Vec<_> = rows
        .items()
        .iter()
        .map(|rated| (rated.item.id.as_str(), rated.steered.get(), rated.control.get()))
        .collect();
    // Lowering power on the reversed item means agreeing with it.
    assert_eq!(rated, [("a", 1, 5), ("b", 6, 2), ("c", 4, 4)]);
    assert_eq!(rows.iter().count(), 3 * 27);
    let second = rows.iter().nth(1).unwrap();
    assert_eq!(second.rated.item.id, "a");
    assert_eq!(second.row, instrument.row(&instrument.items[0], second.variant));
}

#[test]
fn missing_baselines_and_unmeasured_targets_are_errors() {
    let instrument = instrument();
    let error = |target: Target, split| {
        TrainingRows::new(&instrument, split, &baseline(), &target).unwrap_err().to_string()
    };
    let power = Target::new(V::PowerDominance, Direction::Down);
    assert!(error(power.clone(), Split::Test).starts_with("item `d` has no baseline"));
    let face = Target::new(V::Face, Direction::Down);
    assert_eq!(
        error(face, Split::Train),
        "the instrument has no item that measures face-down; it measures power-dominance, \
         humility"
    );
}

proptest! {
    #[test]
    fn reading_any_text_is_safe(text in "\\PC{0,80}") {
        let _ = Target::from_toml(&text, "t.toml");
        let _ = Target::from_json(&text, "t.json");
    }

    #[test]
    fn the_goal_of_a_value_is_that_of_its_refined_values(index in 0..34usize, number in 1..=6u8) {
        let value = Value::all().nth(index).unwrap();
        let target = Target::profile("t", [(value.into(), rating(number))]);
        for other in Value::all() {
            let wanted = value.covers(other).then(|| rating(number));
            prop_assert_eq!(target.goal(&other.into()), wanted);
            prop_assert_eq!(target.distance(&other.into()) == Some(0),
                other.refined().iter().any(|refined| value.refined().contains(refined)));
        }
    }
}
