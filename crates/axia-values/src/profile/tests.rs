use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::instrument::{Dimension, Format, ImportOptions, Instrument, Split, Variant};
use crate::rating::{Distribution, Rating};
use crate::stats::BootstrapOptions;
use crate::taxonomy::{BasicValue, HigherValue, RefinedValue as V};

const ITEMS: &str = "id,statement,value,reversed\n\
    a,I lead.,power-dominance,\n\
    b,I follow.,power-dominance,true\n\
    c,I earn.,power-resources,\n\
    d,I bow.,humility,\n\
    e,I kneel.,humility,\n";

/// Five items in two instructions and two templates.
fn instrument() -> Instrument {
    let options = ImportOptions::default();
    let none = &mut |_: &str| Ok(String::new());
    let read = Instrument::parse(ITEMS.as_bytes(), "t.csv", Format::Csv, &options, none).unwrap();
    Instrument {
        instructions: vec!["A".into(), "B".into()],
        templates: ["1 {rating}", "2 {rating}"].map(|template| template.parse().unwrap()).into(),
        ..read
    }
}

fn certain(rating: u8) -> Answer {
    let mut weights = [0.0; 6];
    weights[usize::from(rating) - 1] = 1.0;
    Answer::Scored(Distribution::new(weights).unwrap())
}

/// One answer to each item in each variant.
fn responses(answer: impl Fn(&str, Variant) -> Answer) -> Vec<Response> {
    let instrument = instrument();
    let pairs = instrument.items.iter().flat_map(|item| {
        instrument.variants().into_iter().map(move |variant| (item.id.clone(), variant))
    });
    pairs
        .map(|(item, variant)| Response { answer: answer(&item, variant), item, variant })
        .collect()
}

fn profile(responses: &[Response], readout: Readout) -> Profile {
    let scores = Scores::new(&instrument(), responses, readout).unwrap();
    Profile::new(&scores, BootstrapOptions::default()).unwrap()
}

fn by_item(item: &str) -> u8 {
    match item {
        "a" => 5,
        "b" => 4, // reversed: 3
        "c" => 2,
        "d" => 6,
        _ => 4,
    }
}

#[test]
fn a_profile_by_hand() {
    let profile = profile(&responses(|item, _| certain(by_item(item))), Readout::Expected);
    let score = |dimension: Dimension| profile.score(&dimension).unwrap();
    let mean = |dimension: Dimension| score(dimension).mean.value;
    assert_eq!(mean(V::PowerDominance.into()), 4.0);
    assert_eq!(mean(V::PowerResources.into()), 2.0);
    assert_eq!(mean(V::Humility.into()), 5.0);
    // Equal weight for each refined value, however many items it has.
    assert_eq!(mean(BasicValue::Power.into()), 3.0);
    assert_eq!(mean(BasicValue::Tradition.into()), 5.0);
    assert_eq!(mean(HigherValue::SelfEnhancement.into()), 3.0);
    // Humility borders on both.
    assert_eq!(mean(HigherValue::Conservation.into()), 5.0);
    assert_eq!(mean(HigherValue::SelfTranscendence.into()), 5.0);
    assert!(profile.score(&HigherValue::OpennessToChange.into()).is_none());

    assert!((profile.grand_mean - 11.0 / 3.0).abs() < 1e-12);
    assert!((score(V::Humility.into()).centred.value - (5.0 - 11.0 / 3.0)).abs() < 1e-12);
    let ranks: Vec<_> = profile.dimensions.iter().map(|score| score.rank).collect();
    assert_eq!(ranks, [2, 3, 1]);
    assert_eq!(score(V::Humility.into()).item_sd, Some(2f64.sqrt()));
    assert_eq!(score(V::PowerResources.into()).item_sd, None);
    assert_eq!(score(V::Humility.into()).instruction_sd, Some(0.0));
    assert_eq!((profile.items, profile.replies, profile.invalid), (5, 20, 0));
    // Two items of 4 and 6: a resample's mean is 4, 5 or 6.
    let interval = score(V::Humility.into()).mean;
    assert_eq!((interval.low, interval.high), (4.0, 6.0));
}

#[test]
fn sensitivity_to_wording_by_hand() {
    let answers = responses(|_, variant| certain(2 + variant.instruction as u8 * 2));
    let profile = profile(&answers, Readout::Argmax);
    let humility = profile.score(&V::Humility.into()).unwrap();
    assert_eq!(humility.mean.value, 3.0);
    // Means of 2 and 4 by instruction, of 3 and 3 by template.
    assert_eq!(humility.instruction_sd, Some(2f64.sqrt()));
    assert_eq!(humility.template_sd, Some(0.0));
    assert_eq!(humility.item_sd, Some(0.0));
}

#[test]
fn readouts_differ() {
    let p = Distribution::new([0.5, 0.0, 0.0, 0.0, 0.2, 0.3]).unwrap();
    let answers = responses(|_, _| Answer::Scored(p));
    let mean = |readout| {
        let scores = Scores::new(&instrument(), &answers, readout).unwrap();
        (scores.item("a").unwrap().mean.unwrap(), scores.item("b").unwrap().mean.unwrap())
    };
    let (plain, reversed) = mean(Readout::Expected);
    assert!((plain - 3.3).abs() < 1e-12 && (reversed - 3.7).abs() < 1e-12);
    assert_eq!(mean(Readout::Argmax), (1.0, 6.0));
}

fn votes<const N: usize>(ratings: [u8; N]) -> Answer {
    Answer::Sampled(ratings.map(|rating| Rating::new(rating).ok()).into())
}

#[test]
fn sampled_answers_count_invalid_replies() {
    let answers = responses(|item, variant| match (item, variant.template) {
        ("c", _) => votes([0, 0]),
        ("d", 0) => votes([2, 0]),
        ("d", _) => votes([4, 6]),
        _ => votes([3, 3]),
    });
    let scores = Scores::new(&instrument(), &answers, Readout::Sampled).unwrap();
    let d = scores.item("d").unwrap();
    // Variants of 2 and (4+6)/2; repetitions of (2+4)/2 and 6.
    assert_eq!(d.mean, Some(3.5));
    assert_eq!(d.by_repetition, [Some(3.0), Some(6.0)]);
    assert_eq!((d.invalid, d.replies), (2, 8));
    assert_eq!(scores.item("b").unwrap().mean, Some(4.0));
    assert_eq!(scores.unanswered(), ["c"]);
    let profile = Profile::new(&scores, BootstrapOptions::default()).unwrap();
    assert_eq!((profile.items, profile.invalid, profile.replies), (4, 10, 40));
    assert_eq!(profile.unanswered, ["c"]);
    assert!(profile.score(&V::PowerResources.into()).is_none());
}

#[test]
fn wrong_answers_are_named() {
    let instrument = instrument();
    let fail = |change: &dyn Fn(&mut Vec<Response>), readout| {
        let mut answers = responses(|_, _| certain(3));
        change(&mut answers);
        Scores::new(&instrument, &answers, readout).unwrap_err().to_string()
    };
    let unknown = fail(&|answers| answers[0].item = "x9".into(), Readout::Expected);
    assert!(unknown.contains("`x9`, which the instrument does not hold"), "{unknown}");
    let variant = fail(&|answers| answers[0].variant.template = 9, Readout::Expected);
    assert!(variant.contains("template 9"), "{variant}");
    let twice = fail(&|answers| answers[1] = answers[0].clone(), Readout::Expected);
    assert!(twice.contains("item `a` is answered twice"), "{twice}");
    let readout = fail(&|_| (), Readout::Sampled);
    assert!(readout.contains("`sampled` does not apply"), "{readout}");
    let none = Scores::new(&instrument, &[], Readout::Expected).unwrap();
    assert!(Profile::new(&none, BootstrapOptions::default()).is_err());
}

#[test]
fn baselines_are_majorities_of_unflipped_votes() {
    let instrument = instrument();
    let answers = responses(|item, variant| match item {
        "b" => votes([6, 6, 1]),
        "c" => votes([0]),
        "d" => votes([if variant.template == 0 { 2 } else { 5 }, 6]),
        _ => certain(by_item(item)),
    });
    let ratings = baseline_ratings(&instrument, &answers, BaselineRule::Majority, 0).unwrap();
    let expected = [("a", 5), ("b", 6), ("d", 6), ("e", 4)];
    let expected: BTreeMap<String, Rating> =
        expected.map(|(id, rating)| (id.to_owned(), Rating::new(rating).unwrap())).into();
    assert_eq!(ratings, expected);
}

#[test]
fn drawn_baselines_are_repeatable_and_favour_the_probable() {
    let instrument = instrument();
    let p = Distribution::new([0.1, 0.1, 0.2, 0.4, 0.1, 0.1]).unwrap();
    let answers = responses(|_, _| Answer::Scored(p));
    let draw =
        |seed| baseline_ratings(&instrument, &answers, BaselineRule::Majority, seed).unwrap();
    assert_eq!(draw(5), draw(5));
    let fours = (0..50).flat_map(|seed| draw(seed).into_values()).filter(|r| r.get() == 4);
    assert!(fours.count() > 150);
}

#[test]
fn mean_baselines_keep_the_expected_rating_of_a_dimension() {
    let instrument = instrument();
    // The mode is 1; the expected rating is 1·0.4 + 2·0.1 + 3·0.1 + 4·0.1 + 5·0.1 + 6·0.2 = 3.
    let p = Distribution::new([0.4, 0.1, 0.1, 0.1, 0.1, 0.2]).unwrap();
    let answers = responses(|item, _| match item {
        "a" | "d" => Answer::Scored(p),
        "b" => certain(6),
        "c" => votes([0]),
        _ => votes([6, 5, 0]),
    });
    let ratings = baseline_ratings(&instrument, &answers, BaselineRule::DimensionMean, 0).unwrap();
    // d and e measure one value: (3 + 5.5) / 2 = 4.25. a and b do too, but are keyed differently.
    // c has no valid answer.
    let expected = [("a", 3), ("b", 6), ("d", 4), ("e", 4)];
    let found: Vec<(&str, u8)> = ratings.iter().map(|(id, r)| (id.as_str(), r.get())).collect();
    assert_eq!(found, expected);
}

#[test]
fn profiles_survive_json() {
    let profile = profile(&responses(|item, _| certain(by_item(item))), Readout::Expected);
    let json = serde_json::to_string(&profile).unwrap();
    assert!(json.starts_with("{\"format_version\":1"));
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
    let response = Response {
        item: "a".into(),
        variant: Variant { instruction: 0, template: 1 },
        answer: votes([3, 0]),
    };
    let json = serde_json::to_string(&response).unwrap();
    assert!(json.ends_with("{\"sampled\":[3,null]}}"), "{json}");
    assert_eq!(serde_json::from_str::<Response>(&json).unwrap(), response);
}

#[test]
fn the_bundled_survey_gives_a_full_profile() {
    let survey = Instrument::bundled();
    let items: Vec<_> = survey.split(Split::Test).collect();
    let answers: Vec<Response> = items
        .iter()
        .enumerate()
        .flat_map(|(index, item)| {
            let answer = move || certain(1 + (index % 6) as u8);
            survey.variants().into_iter().map(move |variant| Response {
                item: item.id.clone(),
                variant,
                answer: answer(),
            })
        })
        .collect();
    let scores = Scores::new(survey, &answers, Readout::Expected).unwrap();
    let profile = Profile::new(&scores, BootstrapOptions::default()).unwrap();
    let sizes = [profile.dimensions.len(), profile.basic.len(), profile.higher.len()];
    assert_eq!(sizes, [20, 10, 4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn profiles_keep_to_the_scale(ratings in prop::collection::vec(1..=6u8, 20), rotate in 0..20usize) {
        let rate = |item: &str, variant: Variant| {
            let item = usize::from(item.as_bytes()[0] - b'a');
            certain(ratings[item * 4 + variant.instruction * 2 + variant.template])
        };
        let mut answers = responses(rate);
        let forward = profile(&answers, Readout::Expected);
        for score in forward.dimensions.iter().chain(&forward.basic).chain(&forward.higher) {
            prop_assert!(score.mean.low >= 1.0 && score.mean.high <= 6.0);
            prop_assert!(score.mean.low <= score.mean.value && score.mean.value <= score.mean.high);
            prop_assert!((score.mean.value - forward.grand_mean - score.centred.value).abs() < 1e-9);
        }
        let centred: f64 = forward.dimensions.iter().map(|score| score.centred.value).sum();
        prop_assert!(centred.abs() < 1e-9);
        // The order of the answers does not matter.
        answers.rotate_left(rotate);
        prop_assert_eq!(profile(&answers, Readout::Expected), forward);
    }
}
