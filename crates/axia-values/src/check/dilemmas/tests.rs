use crate::check::{CheckProfile, DilemmaCheckReport, Rule, Severity};
use crate::dilemma::{Dilemma, DilemmaSet, Justification, Provenance, Stance};
use crate::taxonomy::RefinedValue as V;

/// A post of 120 words that differ from those of other seeds, with `extra` before the question.
fn post(seed: usize, extra: &str) -> String {
    let letter = |number: u64| char::from(b'a' + (number % 26) as u8);
    // Multiplying by an odd number modulo 2^32 keeps different words different.
    let word = |index: usize| -> String {
        let mut number = ((seed * 116 + index + 1) as u64 * 2_654_435_761) % (1 << 32);
        (0..7).map(|_| (letter(number), number /= 26).0).collect()
    };
    let noise: Vec<String> = (0..116).map(word).collect();
    format!("{} {extra} Was I wrong there?", noise.join(" "))
}

fn dilemma(id: usize, value: V, post: String) -> Dilemma {
    let reason = || "because".to_owned();
    Dilemma {
        id: format!("d{id}"),
        value,
        high_stance: Stance::ALL[id % 3],
        low_stance: Stance::ALL[(id + 1) % 3],
        post,
        justification: Justification {
            value: reason(),
            high_stance: reason(),
            low_stance: reason(),
        },
        provenance: Provenance::Original,
    }
}

fn report(dilemmas: Vec<Dilemma>, profile: CheckProfile) -> DilemmaCheckReport {
    let set = DilemmaSet { name: "t".into(), licence: None, dilemmas };
    DilemmaCheckReport::new(&set, profile)
}

/// Messages of one rule for a single post about face.
fn found(post: &str, rule: Rule) -> Vec<String> {
    let report = report(vec![dilemma(0, V::Face, post.to_owned())], CheckProfile::Full);
    report.by_rule(rule).map(|finding| finding.message.clone()).collect()
}

/// What is said of a post about `value` that holds `words`.
fn leaks(value: V, words: &str) -> Vec<String> {
    let report = report(vec![dilemma(0, value, post(0, words))], CheckProfile::Full);
    report.by_rule(Rule::Leak).map(|finding| finding.message.clone()).collect()
}

/// Ten posts of each value whose high stances are spread evenly.
fn full_design() -> Vec<Dilemma> {
    let values = V::ALL.into_iter().cycle().take(200).enumerate();
    values
        .map(|(id, value)| Dilemma {
            high_stance: [Stance::Nta, Stance::Yta][id / 20 % 2],
            low_stance: [Stance::Neutral, Stance::Nta, Stance::Neutral, Stance::Nta][id / 20 % 4],
            ..dilemma(id, value, post(id, ""))
        })
        .collect()
}

#[test]
fn a_clean_set_passes() {
    let report = report(full_design(), CheckProfile::Full);
    let rules: Vec<Rule> = report.findings.iter().map(|finding| finding.rule).collect();
    assert!(report.is_ok(), "{report}");
    assert_eq!(rules, [Rule::Underpowered]);
    assert_eq!((report.summary.dilemmas, report.summary.posts), (200, 200));
    assert_eq!(report.summary.high_stances[&Stance::Nta], 100);
    assert_eq!(report.summary.values[7].value, V::Face);
    assert_eq!(report.summary.values[7].low_stances[&Stance::Neutral], 5);
    assert_eq!(report.summary.words.min, 120.0);
    assert!(report.to_string().contains("Face                              10"), "{report}");
    assert!(report.to_string().ends_with("0 errors, 1 warnings"));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<DilemmaCheckReport>(&json).unwrap(), report);
}

#[test]
fn values_are_counted() {
    let mut few = full_design();
    few.retain(|dilemma| dilemma.value != V::Humility);
    few.pop();
    let full = report(few.clone(), CheckProfile::Full);
    let messages: Vec<_> = full.by_rule(Rule::ValueCounts).map(|found| &found.message).collect();
    assert_eq!(
        messages,
        [
            "`humility` has 0 posts, expected at least 10",
            "`universalism-objectivity` has 9 posts, expected at least 10"
        ]
    );
    assert!(!full.is_ok());
    assert!(report(few, CheckProfile::General).is_ok());
    let many = (0..30).map(|id| dilemma(id, V::Face, post(id, ""))).collect();
    assert_eq!(report(many, CheckProfile::General).by_rule(Rule::Underpowered).count(), 0);
}

#[test]
fn verdicts_are_balanced() {
    let with = |stances: &[(usize, Stance, Stance)], profile| {
        let rows =
            stances.iter().flat_map(|&(times, high, low)| std::iter::repeat_n((high, low), times));
        let rows = rows.enumerate().map(|(id, (high_stance, low_stance))| Dilemma {
            high_stance,
            low_stance,
            ..dilemma(id, V::Face, post(id, ""))
        });
        let report = report(rows.collect(), profile);
        let found = report.by_rule(Rule::StanceBalance).cloned();
        found.map(|finding| (finding.severity, finding.message)).collect::<Vec<_>>()
    };
    use Stance::{Neutral, Nta, Yta};
    // 7 of 20 are 35 %, 3 of 20 are 15 %.
    let even = [(7, Yta, Nta), (10, Nta, Yta), (3, Nta, Neutral)];
    assert!(with(&even, CheckProfile::Full).is_empty());
    let few_yta = [(6, Yta, Nta), (11, Nta, Yta), (3, Neutral, Yta)];
    assert_eq!(
        with(&few_yta, CheckProfile::Full),
        [(
            Severity::Error,
            "YTA is the verdict of people high on the value in 6 of 20 posts, expected at least \
             35 %"
                .to_owned()
        )]
    );
    assert_eq!(with(&few_yta, CheckProfile::General)[0].0, Severity::Warning);
    let few_neutral = [(9, Yta, Nta), (9, Nta, Yta), (2, Neutral, Yta)];
    assert!(with(&few_neutral, CheckProfile::Full)[0].1.starts_with("Neutral is one of the two"));
    // Too few to tell.
    assert!(with(&[(9, Nta, Yta)], CheckProfile::Full).is_empty());
    let equal = report(
        vec![Dilemma { low_stance: Nta, ..dilemma(0, V::Face, post(0, "")) }],
        CheckProfile::General,
    );
    assert_eq!(equal.by_rule(Rule::EqualStances).next().unwrap().severity, Severity::Error);
}

#[test]
fn lengths_and_endings_are_checked() {
    assert!(found(&post(0, ""), Rule::Length).is_empty());
    let long = "word ".repeat(347);
    assert!(found(&post(0, &long[..230 * 5]), Rule::Length).is_empty());
    assert_eq!(
        found(&post(0, &long[..231 * 5]), Rule::Length),
        ["the post has 351 words, expected 120 to 350"]
    );
    let whole = post(0, "");
    let (_, short) = whole.split_once(' ').unwrap();
    assert_eq!(found(short, Rule::Length), ["the post has 119 words, expected 120 to 350"]);
    assert_eq!(found(&"a".repeat(1 << 20), Rule::Length).len(), 1);
    for end in ["?", "?\n ", "?\"", "?)", "?”"] {
        assert!(found(&format!("Why{end}"), Rule::Question).is_empty(), "{end}");
    }
    for end in [".", "? Thanks!", ""] {
        assert_eq!(found(&format!("Why{end}"), Rule::Question).len(), 1, "{end}");
    }
    let general = report(vec![dilemma(0, V::Face, "Short.".into())], CheckProfile::General);
    assert!(general.is_ok() && general.by_rule(Rule::Length).count() == 1, "{general}");
}

#[test]
fn verdicts_edits_links_and_mentions_are_leaks() {
    for (words, shown) in [
        ("so NTA I hope.", "a verdict: `NTA`"),
        ("my sister says yta, laughing.", "a verdict: `yta`"),
        ("(ESH)", "a verdict: `ESH`"),
        ("a clear NAH.", "a verdict: `NAH`"),
        ("I'm not the asshole.", "a verdict: `not the asshole`"),
        ("You’re the  asshole!", "a verdict: `you're the asshole`"),
        ("EDIT to add", "an addition: `EDIT`"),
        ("\n\nedit 2: thanks", "an addition: `edit`"),
        ("Update: we spoke.", "an addition: `Update`"),
        ("TL;DR cake", "a summary: `tl;dr`"),
        ("tldr cake", "a summary: `tldr`"),
        ("see https://x.org", "a link: `https://`"),
        ("see www.x.org", "a link: `www.`"),
        ("thanks u/some_one!", "names a user or a forum: `u/some_one`"),
        ("from /r/food.", "names a user or a forum: `/r/food`"),
    ] {
        let leaks = found(&post(0, words), Rule::VerdictLeak);
        assert_eq!(leaks.len(), 1, "{words}: {leaks:?}");
        assert!(leaks[0].contains(shown), "{words}: {leaks:?}");
    }
    for words in [
        "AITA?",
        "nah, I said, and we went.",
        "Esh is my cousin.",
        "I edit books: three a year. The update came late.",
        "his/her/their own, w/r/t the rent, and/or later; u/s",
        "the asshole who parked there",
        "Plantain and NTAs",
    ] {
        let leaks = found(&post(0, words), Rule::VerdictLeak);
        assert!(leaks.is_empty(), "{words}: {leaks:?}");
    }
}

#[test]
fn posts_do_not_name_their_value() {
    for (value, words) in [
        (V::SecurityPersonal, "a Secure job"),
        (V::Humility, "a humble flat"),
        (V::UniversalismNature, "in the natural light"),
        (V::SelfDirectionAction, "her self-directed days"),
        (V::PowerResources, "a powerful saw"),
        (V::Face, "I lost face there"),
        (V::Face, "a face-saving story"),
        (V::Face, "her reputation at work"),
    ] {
        assert_eq!(leaks(value, words).len(), 1, "{value}: {words}");
    }
    for (value, words) in [
        (V::Face, "my face was red, I washed it"),
        (V::SecurityPersonal, "an insecure boss, a humble flat"),
        (V::Humility, "the crumble was good"),
    ] {
        assert!(leaks(value, words).is_empty(), "{value}: {words}");
    }
    assert_eq!(
        leaks(V::Humility, "a humble flat"),
        ["the post names its value: `humble` (humble…)"]
    );
}

#[test]
fn odd_characters_and_missing_reasons_are_found() {
    for (text, code) in [("a\0b", "U+0000"), ("a\u{202e}b", "U+202E"), ("\u{fffd}", "U+FFFD")] {
        let odd = found(text, Rule::Characters);
        assert_eq!(odd.len(), 1);
        assert!(odd[0].contains(code), "{odd:?}");
    }
    assert!(found("tab\tline\nnaïve 😀 “quoted”", Rule::Characters).is_empty());
    let mut row = dilemma(0, V::Face, post(0, ""));
    row.justification.value = " ".into();
    row.justification.low_stance.clear();
    let report = report(vec![row], CheckProfile::Full);
    let missing = report.by_rule(Rule::Justification).next().unwrap();
    assert_eq!(missing.message, "no reason is given for the value, the low stance");
    assert_eq!(missing.items, ["d0"]);
}

/// A post of plain English sentences, some of them replaced.
fn story(replaced: &[(usize, &str)]) -> String {
    let mut sentences: Vec<&str> = vec![
        "The neighbours borrowed our ladder in spring and kept it behind their shed.",
        "When the gutter leaked I needed it, so I climbed the fence and took it back.",
        "Their dog barked, the grandfather woke, and somebody called my wife at the bakery.",
        "She was embarrassed in front of her customers and did not talk to me all evening.",
        "My brother thinks a quick phone call would have cost me nothing.",
        "I had asked twice already, once at the mailbox and once after choir practice.",
        "Now the children are not allowed to play together any more.",
    ];
    for &(index, text) in replaced {
        sentences[index] = text;
    }
    format!("{} Was the fence too much?", sentences.join(" "))
}

#[test]
fn near_duplicates_are_grouped() {
    let changed = story(&[(4, "My aunt believes that I should simply have rung their bell.")]);
    let changed_more = story(&[
        (4, "My aunt believes that I should simply have rung their bell."),
        (6, "Since then our kids have stopped swapping football cards."),
    ]);
    let reordered = {
        let text = story(&[]);
        let mut words: Vec<&str> = text.split(' ').collect();
        words.reverse();
        words.join(" ")
    };
    let other = "Our choir wanted a new conductor, and the committee asked whether I would vote \
                 early because the hall had to be booked. I was on a train between Graz and Vienna \
                 with a dead battery, so I missed the deadline, and the tenor who lost by a single \
                 ballot will not sit beside me. Should I have borrowed a charger?";
    let rows = [story(&[]), other.to_owned(), changed, changed_more, reordered];
    let rows = rows.into_iter().enumerate().map(|(id, post)| dilemma(id, V::ALL[id], post));
    let report = report(rows.collect(), CheckProfile::Full);
    let near: Vec<_> = report.by_rule(Rule::NearDuplicate).collect();
    assert_eq!(near.len(), 1, "{report}");
    assert_eq!(near[0].items, ["d0", "d2", "d3", "d4"]);
    assert_eq!(near[0].severity, Severity::Warning);
    assert_eq!(near[0].message, "posts are nearly the same (up to 100 % of the words)");
    assert_eq!(report.by_rule(Rule::Duplicate).count(), 0);
}

#[test]
fn the_same_post_is_an_error_under_one_value_and_a_note_under_two() {
    let spaced = |id, value| dilemma(id, value, story(&[]).replace(". ", ".\n\n"));
    let two = vec![dilemma(0, V::Face, story(&[])), spaced(1, V::Humility)];
    let noted = report(two.clone(), CheckProfile::Full);
    let note = noted.by_rule(Rule::Duplicate).next().unwrap();
    assert_eq!((note.severity, note.items.len()), (Severity::Warning, 2));
    assert_eq!((noted.summary.dilemmas, noted.summary.posts), (2, 1));
    assert_eq!(noted.by_rule(Rule::NearDuplicate).count(), 0);
    let twice = [two, vec![spaced(1, V::Face)]].concat();
    let twice = report(twice, CheckProfile::General);
    let messages: Vec<_> = twice
        .by_rule(Rule::Duplicate)
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        messages,
        ["2 dilemmas have the same id", "the same post stands under one value more than once"]
    );
}

#[test]
fn openings_vary() {
    let rows = |alike: usize| {
        let row = |id: usize| {
            let opening = if id < alike { "Last week".to_owned() } else { format!("Word{id} x") };
            dilemma(id, V::Face, format!("{opening} {}", post(id, "")))
        };
        report((0..20).map(row).collect(), CheckProfile::Full)
    };
    assert_eq!(rows(3).by_rule(Rule::Openings).count(), 0);
    let alike = rows(4);
    let finding = alike.by_rule(Rule::Openings).next().unwrap();
    assert_eq!(finding.message, "4 of 20 posts begin with \"last week\"; vary them");
}

#[test]
fn long_lists_are_cut_where_they_are_shown() {
    let rows = (0..60).map(|id| dilemma(id, V::Face, format!("Word{id}?")));
    let report = report(rows.collect(), CheckProfile::General);
    assert_eq!(report.by_rule(Rule::Length).count(), 60);
    let shown = report.to_string();
    assert_eq!(shown.matches("warning [length] the post").count(), 50);
    assert!(shown.contains("\nwarning [length] and 10 more of this kind\n"), "{shown}");
}

#[test]
fn the_bundled_dilemmas_pass() {
    let report = DilemmaCheckReport::new(DilemmaSet::bundled(), CheckProfile::Full);
    assert!(report.is_ok(), "{report}");
}
