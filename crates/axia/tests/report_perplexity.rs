//! Perplexity on the page, in the table and in the files.

mod report_fixture;

use axia::results::{compare, read, write};
use axia::stage::Summaries;
use axia::stage::perplexity::{
    PerplexityChange, PerplexitySummary, Reference, RespondentPerplexity,
};
use axia::study::summary::RunSummary;
use axia_values::stats::Estimate;
use report_fixture::markup::{assert_sound, page};
use report_fixture::{Aim, run, study, values};

fn estimate(value: f64, low: f64, high: f64) -> Estimate {
    Estimate { value, low, high }
}

/// A study of whose respondents the steered one reads worse.
fn measured() -> RunSummary {
    let summary = run("measured", &values(), &[Aim::power_down(0.8)]);
    let respondents = summary.respondents.iter().map(|one| RespondentPerplexity {
        name: one.name.clone(),
        role: one.role,
        steering: one.steering.clone(),
        perplexity: estimate(12.3, 11.0, 13.5),
    });
    let change = |respondent: &str, reference, log_perplexity| PerplexityChange {
        respondent: respondent.to_owned(),
        title: if respondent == "control" { "control" } else { "Power, down" }.to_owned(),
        reference,
        seeds: 1,
        log_perplexity,
    };
    let changes = vec![
        change("control", Reference::Base, estimate(0.0, -0.01, 0.01)),
        change("power-down", Reference::Control, estimate(1.25f64.ln(), 0.1, 0.3)),
        change("power-down", Reference::Base, estimate(0.2, 0.1, 0.3)),
    ];
    let perplexity = PerplexitySummary {
        passages: "axia-neutral-text".to_owned(),
        hash: "00".repeat(32),
        count: 30,
        tokens: 5204,
        respondents: respondents.collect(),
        changes,
    };
    let stages = Summaries { perplexity: Some(perplexity), ..summary.stages };
    RunSummary { stages, ..summary }
}

#[test]
fn the_section_has_a_sentence_and_every_number() {
    let page = page(&measured());
    assert_sound(&page);
    for part in [
        "Power, down: the model predicts neutral text worse than the matched control: perplexity \
         +25.0\u{a0}%",
        "30\u{a0}passages",
        "5,204 tokens",
        "href=\"#perplexity\"",
        "id=\"perplexity-methods\"",
    ] {
        assert!(page.contains(part), "no `{part}`");
    }
    // The base is compared with nobody, the control with the base alone.
    let table = &page[page.find("<section id=\"perplexity\">").unwrap()..];
    let table = &table[..table.find("</section>").unwrap()];
    assert_eq!(table.matches("<td class=\"n\">–</td>").count(), 3);
}

#[test]
fn files_with_and_without_it_read_back() {
    for summary in [measured(), study()] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &summary).unwrap();
        assert_eq!(read(folder.path()).unwrap(), summary);
        let text = std::fs::read_to_string(folder.path().join("results.json")).unwrap();
        assert_eq!(text.contains("\"perplexity\""), summary.stages.perplexity.is_some());
        let table = std::fs::read_to_string(folder.path().join("results.csv")).unwrap();
        let rows = table.lines().filter(|line| line.contains(",perplexity,neutral-text,"));
        assert_eq!(rows.count(), if summary.stages.perplexity.is_some() { 12 } else { 0 });
    }
}

#[test]
fn a_comparison_sets_perplexities_side_by_side() {
    let (a, mut b) = (measured(), measured());
    let own = b.stages.perplexity.as_mut().unwrap();
    own.respondents[2].perplexity = estimate(14.55, 13.0, 16.0);
    own.changes[1].log_perplexity = estimate(0.0, -0.1, 0.1);
    let page = compare(&a, &b).unwrap();
    assert_sound(&page);
    let section = &page[page.find("<section id=\"perplexity\">").unwrap()..];
    let section = &section[..section.find("</section>").unwrap()];
    for part in ["12.30 [11.00,\u{a0}13.50]", "14.55 [13.00,\u{a0}16.00]", "<b>+2.25</b>"] {
        assert!(section.contains(part), "no `{part}` in {section}");
    }
    assert!(section.contains("+25.0\u{a0}% [") && section.contains(">0.0\u{a0}% ["), "{section}");
    // Base, control and steered; the steered one alone changed against a control.
    assert_eq!(section.matches("Steered − control").count(), 1);
    assert!(!section.contains("different passages"));
    b.stages.perplexity.as_mut().unwrap().hash = "11".repeat(32);
    assert!(compare(&a, &b).unwrap().contains("read different passages"));
    // One side alone was measured; then none was.
    let half = compare(&study(), &a).unwrap();
    assert_sound(&half);
    assert!(half.contains("<section id=\"perplexity\">"));
    assert!(!compare(&study(), &study()).unwrap().contains("<section id=\"perplexity\">"));
}
