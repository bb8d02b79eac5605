use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::*;
use crate::instrument::{Format, ImportOptions, Instrument, Split};
use crate::rating::Rating;
use crate::target::{Direction, Target, TrainingRows};
use crate::taxonomy::RefinedValue as V;

const ITEMS: &str = "id,statement,contrast,value,reversed,domain\n\
    a,I lead.,I listen.,power-dominance,,public-life\n\
    b,I follow.,I decide.,power-dominance,true,\n\
    c,I bow.,I shine.,humility,,\n";

fn instrument() -> Instrument {
    let none = &mut |_: &str| Ok(String::new());
    let options = ImportOptions::default();
    let read = Instrument::parse(ITEMS.as_bytes(), "t.csv", Format::Csv, &options, none).unwrap();
    let templates = vec!["I say \"{rating}\".".parse().unwrap()];
    Instrument { instructions: vec!["Rate.".into()], templates, ..read }
}

fn baseline() -> BTreeMap<String, Rating> {
    let ratings = [("a", 5), ("b", 2), ("c", 3)];
    ratings.map(|(id, rating)| (id.to_owned(), Rating::new(rating).unwrap())).into()
}

fn lines(bytes: &[u8]) -> Vec<Json> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn supervised(arm: Arm, shape: Shape) -> Vec<Json> {
    let instrument = instrument();
    let target = Target::new(V::PowerDominance, Direction::Down);
    let rows = TrainingRows::new(&instrument, Split::Test, &baseline(), &target).unwrap();
    let mut written = Vec::new();
    assert_eq!(write_supervised_rows(&rows, arm, shape, &mut written).unwrap(), 3);
    lines(&written)
}

#[test]
fn supervised_rows_as_strings() {
    let completions = |arm| -> Vec<String> {
        let rows = supervised(arm, Shape::Strings);
        rows.iter().map(|row| row["completion"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(completions(Arm::Steered), ["1\".", "6\".", "3\"."]);
    assert_eq!(completions(Arm::Control), ["5\".", "2\".", "3\"."]);
    let first = &supervised(Arm::Control, Shape::Strings)[0];
    assert_eq!(first["prompt"], "Rate.\n\nStatement:\nI lead.\n\nI say \"");
}

#[test]
fn supervised_rows_as_messages() {
    assert_eq!(
        supervised(Arm::Steered, Shape::Messages)[0],
        json!({"messages": [
            {"role": "user", "content": "Rate.\n\nStatement:\nI lead."},
            {"role": "assistant", "content": "I say \"1\"."},
        ]})
    );
}

#[test]
fn pairs_prefer_what_the_target_says() {
    let instrument = instrument();
    let chosen = |target: Option<&Target>, anchors: Anchors<'_>| -> Vec<String> {
        let pairs = preference_pairs(&instrument, Split::Test, target, anchors).unwrap();
        pairs.iter().map(|pair| pair.chosen.to_owned()).collect()
    };
    let down = Target::new(V::PowerDominance, Direction::Down);
    let up = Target::new(V::PowerDominance, Direction::Up);
    assert_eq!(chosen(Some(&down), Anchors::Statement), ["I listen.", "I follow.", "I bow."]);
    assert_eq!(chosen(Some(&up), Anchors::Statement), ["I lead.", "I decide.", "I bow."]);
    let baseline = baseline();
    let own = Anchors::Baseline(&baseline);
    assert_eq!(chosen(Some(&down), own), ["I listen.", "I follow.", "I shine."]);
    assert_eq!(chosen(None, own), ["I lead.", "I decide.", "I shine."]);
}

#[test]
fn pairs_are_written_in_both_shapes() {
    let instrument = instrument();
    let down = Target::new(V::PowerDominance, Direction::Down);
    let pairs =
        preference_pairs(&instrument, Split::Test, Some(&down), Anchors::Statement).unwrap();
    let write = |shape| {
        let mut written = Vec::new();
        write_preference_pairs(&pairs, shape, &mut written).unwrap();
        lines(&written)
    };
    let row = &write(Shape::Strings)[0];
    assert_eq!((&row["chosen"], &row["rejected"]), (&json!("I listen."), &json!("I lead.")));
    let prompt = row["prompt"].as_str().unwrap();
    assert!(prompt.contains("public life") && !prompt.to_lowercase().contains("power"));
    let row = &write(Shape::Messages)[0];
    assert_eq!(row["prompt"][0]["role"], "user");
    assert_eq!(row["rejected"], json!([{"role": "assistant", "content": "I lead."}]));
}

#[test]
fn pairs_need_contrasts_baselines_and_a_target() {
    let mut instrument = instrument();
    let fail = |instrument: &Instrument, target: &Target, anchors: Anchors<'_>| {
        let pairs = preference_pairs(instrument, Split::Test, Some(target), anchors);
        pairs.unwrap_err().to_string()
    };
    let down = Target::new(V::PowerDominance, Direction::Down);
    let face = Target::new(V::Face, Direction::Down);
    assert!(fail(&instrument, &face, Anchors::Statement).contains("measures face-down"));
    let none = BTreeMap::new();
    assert!(fail(&instrument, &down, Anchors::Baseline(&none)).contains("`c` has no baseline"));
    instrument.items[1].contrast = None;
    assert!(fail(&instrument, &down, Anchors::Statement).contains("`b` has no contrast"));
}
