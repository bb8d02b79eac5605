use super::*;
use crate::instrument::{Format, ImportOptions, Instrument, Split};

/// Reads a table of `id,statement,contrast,value,facet,split`.
fn instrument(rows: &str) -> Instrument {
    let text = format!("id,statement,contrast,value,facet,split\n{rows}");
    let options = ImportOptions::default();
    let none = &mut |_: &str| Ok(String::new());
    Instrument::parse(text.as_bytes(), "t.csv", Format::Csv, &options, none).unwrap()
}

fn found(rows: &str, rule: Rule, profile: CheckProfile) -> Vec<(Severity, Vec<String>, String)> {
    let report = CheckReport::new(&instrument(rows), profile);
    let findings = report.by_rule(rule).cloned();
    findings.map(|finding| (finding.severity, finding.items, finding.message)).collect()
}

const CLEAN: &str = "\
a,On long walks I like to paint what nobody asked for.,On long walks I look for berries to eat.,self-direction-thought,be creative,train\n\
b,A blank page on the desk looks like an invitation.,A finished form on the desk is a fine sight.,self-direction-thought,be creative,test\n";

#[test]
fn clean_items_pass_in_general() {
    let report = CheckReport::new(&instrument(CLEAN), CheckProfile::General);
    assert!(report.is_ok() && report.findings.is_empty(), "{report}");
    assert_eq!(report.summary.items, 2);
    assert_eq!(report.summary.first_person, 0.5);
    assert_eq!(report.summary.splits[&Split::Train], 1);
    assert_eq!(report.summary.dimensions[0].facets["be creative"][&Split::Test], 1);
    assert!(report.to_string().contains("Self-direction: thought       1      1"), "{report}");
    assert!(report.to_string().ends_with("0 errors, 0 warnings"));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<CheckReport>(&json).unwrap(), report);
}

#[test]
fn the_full_design_is_counted() {
    let report = CheckReport::new(&instrument(CLEAN), CheckProfile::Full);
    assert_eq!(report.by_rule(Rule::FacetCounts).count(), 54);
    let first = report.by_rule(Rule::FacetCounts).next().unwrap();
    assert_eq!(
        first.message,
        "facet `be creative` has 1 train, 0 validation and 1 test items, expected 7, 2 and 2"
    );
    assert_eq!(report.by_rule(Rule::Domains).count(), 1);
    let strange = "a,I walk the dog in the early morning.,,face,be curious,test\n\
                   b,I walk the cat in the late evening.,,face,be grand,test\n\
                   c,I walk the rat whenever it feels right.,,face,,test\n";
    let facets = found(strange, Rule::FacetOfValue, CheckProfile::Full);
    assert_eq!(facets.len(), 3);
    assert_eq!(facets[0].2, "facet `be curious` belongs to self-direction-thought, not to face");
    assert_eq!(found(strange, Rule::FacetOfValue, CheckProfile::General).len(), 1);
    assert_eq!(found(strange, Rule::MissingContrast, CheckProfile::Full).len(), 3);
    assert!(found(strange, Rule::MissingContrast, CheckProfile::General).is_empty());
    assert_eq!(found(strange, Rule::FirstPerson, CheckProfile::Full).len(), 2);
}

#[test]
fn templates_that_ask_the_same_are_told() {
    let mut asked = instrument(CLEAN);
    let templates = ["My answer is {rating}", "Score = {rating}", "My answer is {rating}."];
    asked.templates = templates.map(|template| template.parse().unwrap()).to_vec();
    let report = CheckReport::new(&asked, CheckProfile::General);
    let found: Vec<_> = report.by_rule(Rule::SameQuestion).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].severity, Severity::Warning);
    assert_eq!(
        found[0].message,
        "templates 1 and 3 are the same up to the rating (`My answer is`), so that scored ratings \
         cannot differ between them"
    );
    let strict = CheckReport::new(&asked, CheckProfile::Full);
    assert_eq!(strict.by_rule(Rule::SameQuestion).next().unwrap().severity, Severity::Error);
}

#[test]
fn words_and_grades_have_limits() {
    let rows = format!(
        "a,Too few words here.,I like to sit by the window at night.,face,,test\n\
         b,I {},I like to sit by the window at noon.,face,,test\n\
         c,Interdisciplinary organisational considerations predominate notwithstanding \
         bureaucratic deliberations.,I like to stand by the door at dawn.,face,,test\n",
        "walk ".repeat(30)
    );
    let lengths = found(&rows, Rule::Length, CheckProfile::Full);
    let messages: Vec<_> = lengths.iter().map(|(_, _, message)| message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the statement has 4 words, expected 6 to 30",
            "the statement has 31 words, expected 6 to 30"
        ]
    );
    assert_eq!(lengths[0].0, Severity::Error);
    let hard = found(&rows, Rule::Readability, CheckProfile::Full);
    assert_eq!(hard.len(), 1);
    assert_eq!(hard[0].1, ["c"]);
}

#[test]
fn names_of_facets_and_values_leak() {
    let rows = "\
a,My creativity shows most on rainy afternoons.,I rest.,self-direction-thought,be creative,test\n\
b,A self-directed day is worth two others.,I rest.,self-direction-thought,be curious,test\n\
c,Being a free-thinker costs me little sleep.,I rest.,self-direction-thought,have freedom of thought,test\n\
d,The powerful people in the room draw my eye.,I rest.,power,,test\n\
e,My creativity shows most on sunny mornings.,I rest.,hedonism,have pleasure,test\n";
    let leaks = found(rows, Rule::Leak, CheckProfile::General);
    let items: Vec<_> = leaks.iter().flat_map(|(_, items, _)| items.clone()).collect();
    assert_eq!(items, ["a", "b", "c", "d"]);
    assert!(leaks[0].2.contains("`creativity` (creativ…)"));
    assert_eq!(leaks[0].0, Severity::Warning);
    assert_eq!(found(rows, Rule::Leak, CheckProfile::Full)[0].0, Severity::Error);
}

#[test]
fn contrasts_say_something_of_their_own() {
    let rows = "\
a,I keep every letter that friends send.,I don’t keep letters.,face,,test\n\
b,I keep every stamp that friends send.,Refusing clutter suits my small flat.,face,,test\n\
c,I keep every photo that friends send.,I keep every photo - that friends send!,face,,test\n\
d,I keep every shell that friends bring.,A clear shelf is a knot of calm.,face,,test\n";
    let negations = found(rows, Rule::BareNegation, CheckProfile::Full);
    let items: Vec<_> = negations.iter().map(|(_, items, _)| items[0].as_str()).collect();
    assert_eq!(items, ["a", "b"]);
    let same = found(rows, Rule::ContrastIsStatement, CheckProfile::General);
    assert_eq!(same.len(), 1);
    assert_eq!((same[0].0, same[0].1[0].as_str()), (Severity::Error, "c"));
}

#[test]
fn duplicates_are_found_within_and_across_splits() {
    let rows = "\
a,At market I choose the ripest tomatoes first.,,face,,train\n\
b,At Market I choose the ripest tomatoes first!,,face,,test\n\
c,At market I choose the ripest tomatoes last.,,face,,train\n\
d,The ferry crosses a quiet harbour at dusk.,At dusk the ferry crosses a quiet harbour.,face,,train\n\
e,Snow on the hills calls for thick gloves.,The ferry crosses a quiet harbour at dusk.,face,,train\n";
    let exact = found(rows, Rule::Duplicate, CheckProfile::General);
    let items: Vec<_> =
        exact.iter().map(|(severity, items, _)| (*severity, items.join(" "))).collect();
    assert_eq!(items, [(Severity::Error, "a b".to_owned()), (Severity::Warning, "d e".to_owned())]);
    assert!(
        exact[0]
            .2
            .starts_with("the same text occurs as statement and statement (across train and test)")
    );
    let near = found(rows, Rule::NearDuplicate, CheckProfile::Full);
    let pairs: Vec<_> =
        near.iter().map(|(severity, items, _)| (*severity, items.join(" "))).collect();
    assert!(pairs.contains(&(Severity::Warning, "a c".to_owned())), "{pairs:?}");
    assert!(pairs.contains(&(Severity::Error, "b c".to_owned())), "{pairs:?}");
    // A statement and its own contrast.
    assert!(pairs.contains(&(Severity::Warning, "d".to_owned())), "{pairs:?}");
}

#[test]
fn openings_vary() {
    let rows = |alike: usize| -> String {
        let row = |i: usize| {
            let opening = if i < alike { "I like".to_owned() } else { format!("Thing {i}") };
            format!("i{i},{opening} to do number {i} of things.,,face,,test\n")
        };
        (0..20).map(row).collect()
    };
    assert!(found(&rows(3), Rule::Openings, CheckProfile::Full).is_empty());
    let alike = found(&rows(4), Rule::Openings, CheckProfile::Full);
    assert_eq!(alike[0].2, "4 of 20 statements begin with \"i like\"; vary them");
}

#[test]
fn thin_dimensions_are_pointed_out() {
    let rows = "a,I hum.,,face,,test\nb,I sing.,,humility,,train\nc,I drum.,,humility,,train\n";
    let thin = found(rows, Rule::DimensionSize, CheckProfile::General);
    assert_eq!(thin.len(), 2);
    assert!(thin[0].2.contains("`face` has a single item"));
    assert!(thin[1].2.contains("`humility` is trained on but has no test item"));
}

#[test]
fn the_bundled_survey_passes_its_own_check() {
    let report = CheckReport::new(Instrument::bundled(), CheckProfile::Full);
    assert!(report.is_ok(), "{report}");
}
