use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn the_levels_have_their_sizes() {
    assert_eq!(RefinedValue::ALL.len(), 20);
    assert_eq!(Facet::ALL.len(), 54);
    assert_eq!(Value::all().count(), 34);
    let facets = |value: RefinedValue| value.facets().count();
    assert_eq!(RefinedValue::ALL.map(facets).iter().sum::<usize>(), 54);
    assert_eq!(facets(RefinedValue::Hedonism), 1);
    assert_eq!(facets(RefinedValue::SecurityPersonal), 5);
    assert_eq!(
        BasicValue::Power.refined(),
        [RefinedValue::PowerDominance, RefinedValue::PowerResources, RefinedValue::Face]
    );
    assert_eq!(BasicValue::Universalism.refined().len(), 4);
    assert_eq!(BasicValue::Tradition.refined(), [RefinedValue::Tradition, RefinedValue::Humility]);
    assert_eq!(BasicValue::ALL.map(|value| value.refined().len()).iter().sum::<usize>(), 20);
}

#[test]
fn only_border_values_belong_to_two_groups() {
    use HigherValue as H;
    let two: Vec<_> =
        RefinedValue::ALL.into_iter().filter(|value| value.higher().len() == 2).collect();
    assert_eq!(two, [RefinedValue::Hedonism, RefinedValue::Face, RefinedValue::Humility]);
    assert_eq!(RefinedValue::Hedonism.higher(), [H::OpennessToChange, H::SelfEnhancement]);
    assert_eq!(RefinedValue::Face.higher(), [H::SelfEnhancement, H::Conservation]);
    assert_eq!(RefinedValue::Humility.higher(), [H::Conservation, H::SelfTranscendence]);
    assert!(RefinedValue::ALL.iter().all(|value| !value.higher().is_empty()));
}

#[test]
fn slugs_are_distinct_and_read_back() {
    let slugs: BTreeSet<_> = Value::all().map(Value::slug).collect();
    assert_eq!(slugs.len(), 34);
    for value in Value::all() {
        assert_eq!(value.slug().parse(), Ok(value));
        assert_eq!(
            serde_json::from_str::<Value>(&serde_json::to_string(&value).unwrap()).unwrap(),
            value
        );
    }
    for value in RefinedValue::ALL {
        assert_eq!(value.label().parse(), Ok(value));
        assert_eq!(value.abbreviation().to_lowercase().parse(), Ok(value));
    }
    for facet in Facet::ALL {
        assert_eq!(Facet::find(&facet.slug()), Ok(facet));
    }
}

#[test]
fn other_peoples_spellings() {
    use RefinedValue as V;
    for (name, value) in [
        ("Self_direction_thought", V::SelfDirectionThought),
        ("SelfDirectionThought", V::SelfDirectionThought),
        ("Self-direction: action ", V::SelfDirectionAction),
        ("SDT", V::SelfDirectionThought),
        ("Power: dominance", V::PowerDominance),
        ("power & resources", V::PowerResources),
        ("Power and resources", V::PowerResources),
        ("Benevolence–Care", V::BenevolenceCaring),
        ("PERSONAL SECURITY", V::SecurityPersonal),
        ("Universalism:  Objectivity", V::UniversalismObjectivity),
        ("face", V::Face),
    ] {
        assert_eq!(name.parse::<RefinedValue>(), Ok(value), "{name}");
        assert_eq!(name.parse(), Ok(Value::Refined(value)), "{name}");
    }
    assert_eq!("Self-Direction".parse(), Ok(Value::Basic(BasicValue::SelfDirection)));
    assert_eq!("Openness to Change".parse(), Ok(Value::Higher(HigherValue::OpennessToChange)));
    assert_eq!(Facet::find("Be_Neat & tidy").unwrap().name, "be neat and tidy");
}

#[test]
fn shared_names_mean_the_refined_value_unless_a_level_is_asked_for() {
    assert_eq!("tradition".parse(), Ok(Value::Refined(RefinedValue::Tradition)));
    assert_eq!("tradition".parse(), Ok(BasicValue::Tradition));
    assert_eq!("Basic: tradition".parse(), Ok(Value::Basic(BasicValue::Tradition)));
    assert!(Value::Basic(BasicValue::Tradition).covers(RefinedValue::Humility.into()));
    assert!(!Value::Refined(RefinedValue::Tradition).covers(BasicValue::Tradition.into()));
    assert!(Value::Refined(RefinedValue::Hedonism).covers(BasicValue::Hedonism.into()));
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let error = "power-domnance".parse::<Value>().unwrap_err();
    assert_eq!(error.suggestion.as_deref(), Some("power-dominance"));
    assert_eq!(
        error.to_string(),
        "unknown value `power-domnance`; did you mean `power-dominance`?"
    );
    assert_eq!("".parse::<Value>().unwrap_err().suggestion, None);
    assert_eq!(Facet::find("be creatve").unwrap_err().suggestion.as_deref(), Some("be creative"));
    let long = "x".repeat(10_000).parse::<Value>().unwrap_err().to_string();
    assert!(long.len() < 100, "{long}");
}

#[test]
fn circle_distances_by_hand() {
    use RefinedValue as V;
    assert_eq!(circle_distance(V::Face, V::Face), 0);
    assert_eq!(circle_distance(V::SelfDirectionThought, V::UniversalismObjectivity), 1);
    assert_eq!(circle_distance(V::SelfDirectionThought, V::Tradition), 10);
    assert_eq!(circle_distance(V::Hedonism, V::Humility), 10);
    assert_eq!(circle_distance(V::Hedonism, V::UniversalismNature), 6);
}

proptest! {
    #[test]
    fn circle_distance_is_a_metric(a in 0usize..20, b in 0usize..20, c in 0usize..20) {
        let [a, b, c] = [a, b, c].map(|i| RefinedValue::ALL[i]);
        prop_assert!(circle_distance(a, b) <= 10);
        prop_assert_eq!(circle_distance(a, b), circle_distance(b, a));
        prop_assert_eq!(circle_distance(a, b) == 0, a == b);
        prop_assert!(circle_distance(a, c) <= circle_distance(a, b) + circle_distance(b, c));
    }

    #[test]
    fn parsing_any_text_is_safe(name in "\\PC{0,80}") {
        let _ = name.parse::<Value>();
        let _ = name.parse::<BasicValue>();
        let _ = Facet::find(&name);
    }

    #[test]
    fn case_and_separators_do_not_matter(
        index in 0usize..34,
        separator in prop::sample::select(vec!["-", "_", " ", ": ", " & ", ""]),
        upper: bool,
    ) {
        let value = Value::all().nth(index).unwrap();
        let name = value.slug().replace('-', separator);
        let name = if upper { name.to_uppercase() } else { name };
        prop_assert_eq!(name.parse(), Ok(value));
    }
}
