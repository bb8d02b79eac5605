//! The data card for people.

use std::fmt::Write as _;

use super::card::{AnnotationCard, Card, SetCard};
use crate::dilemmas::{FilterSummary, InputFile};

/// Examples below which nothing is to be read from a value's results.
const UNDERPOWERED: u64 = 30;

/// The card as Markdown.
pub(super) fn render(card: &Card) -> String {
    let mut text = format!(
        "# Dilemmas from r/{}\n\nBuilt with axia {}. The posts are their authors' and were public \
         when the dumps were made; names are not kept. Look at the site's terms before you pass \
         them on.\n",
        card.filter.settings.subreddit, card.axia_version
    );
    for part in [
        inputs(&card.filter),
        filters(&card.filter),
        annotation(&card.annotation),
        card.dilemmas.as_ref().map(set).unwrap_or_default(),
    ] {
        text += &part;
    }
    text
}

fn inputs(filter: &FilterSummary) -> String {
    let row = |file: &InputFile| {
        let name = file.path.file_name().unwrap_or(file.path.as_os_str());
        let damage = file.damage.as_deref().unwrap_or("–");
        vec![
            format!("`{}`", name.to_string_lossy()),
            file.bytes.to_string(),
            file.unpacked_bytes.to_string(),
            file.lines.to_string(),
            damage.to_owned(),
            format!("`{}`", file.sha256),
        ]
    };
    let head = ["dump", "bytes", "unpacked", "lines", "damage", "SHA-256"];
    format!("\n## Dumps\n\n{}", table(&head, filter.inputs.iter().map(row)))
}

fn filters(filter: &FilterSummary) -> String {
    let counts = &filter.counts;
    let settings = &filter.settings;
    let mut rows = vec![
        ("lines".to_owned(), counts.lines),
        ("blank".to_owned(), counts.blank),
        ("broken".to_owned(), counts.broken),
    ];
    let dropped = counts.dropped.iter();
    rows.extend(dropped.map(|(reason, count)| (reason.label().to_owned(), *count)));
    rows.push(("**candidates**".to_owned(), counts.candidates));
    let rows = rows.into_iter().map(|(what, count)| vec![what, count.to_string()]);
    let (oldest, newest) = filter.created_utc;
    format!(
        "\n## Filters\n\n{}\nTexts of {} to {} words, {}; texts that share {} or more of their runs \
         of three words count as one. Posted between {} and {}. `candidates.jsonl` has the SHA-256 \
         `{}`.\n",
        table(&["", "posts"], rows),
        settings.min_words,
        settings.max_words,
        if settings.english_only { "in English" } else { "in any language" },
        settings.near_duplicate,
        day(oldest),
        day(newest),
        filter.candidates_sha256,
    )
}

fn annotation(card: &AnnotationCard) -> String {
    let mut rows = vec![("annotated".to_owned(), card.annotated)];
    let set_aside = card.set_aside.iter();
    rows.extend(set_aside.map(|(why, count)| (format!("set aside: {why}"), *count)));
    rows.push(("not asked about".to_owned(), card.not_asked));
    let rows = rows.into_iter().map(|(what, count)| vec![what, count.to_string()]);
    let settings = card.settings.as_object().into_iter().flatten();
    let settings: Vec<String> =
        settings.map(|(name, value)| format!("{}: `{value}`", name.replace('_', " "))).collect();
    let agreement = card.mean_agreement.map_or("–".to_owned(), |mean| format!("{mean:.3}"));
    format!(
        "\n## Annotation\n\n{}\nSettings: {}. Mean agreement of the votes with their majority: \
         {agreement}; {} of {} posts unanimous. {} annotations changed with the order of the \
         labels and are not in the set. The annotations, sorted by id, have the SHA-256 `{}`.\n",
        table(&["", "candidates"], rows),
        settings.join(", "),
        card.unanimous,
        card.annotated,
        card.inconsistent,
        card.sha256,
    )
}

fn set(card: &SetCard) -> String {
    let basic = card
        .basic
        .iter()
        .map(|row| vec![row.value.clone(), row.annotated.to_string(), row.dilemmas.to_string()]);
    let values = card.values.iter().map(|row| {
        let few = if row.dilemmas < UNDERPOWERED { " (underpowered)" } else { "" };
        let counts = row.high.iter().chain(&row.low).map(u64::to_string);
        let mut cells = vec![row.value.clone(), format!("{}{few}", row.dilemmas)];
        cells.extend(counts);
        cells
    });
    let head =
        ["refined value", "dilemmas", "high NTA", "YTA", "Neutral", "low NTA", "YTA", "Neutral"];
    format!(
        "\n## Dilemmas\n\n{}\n{}\n{} dilemmas, at most {} of a basic value, drawn with seed {} so \
         that refined values and verdicts keep their shares. Values with fewer than {UNDERPOWERED} \
         are marked. `dilemmas.jsonl` has the SHA-256 `{}`, its contents the hash `{}`.\n",
        table(&["basic value", "annotated", "in the set"], basic),
        table(&head, values),
        card.dilemmas,
        card.cap,
        card.seed,
        card.sha256,
        card.content_hash,
    )
}

/// A Markdown table; the first column is text, the others are numbers or hashes.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|---|{}\n", head.join(" | "), "--:|".repeat(head.len() - 1));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The day of a time in seconds since 1970; times before are cut off.
fn day(seconds: i64) -> String {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let time = std::time::UNIX_EPOCH.checked_add(since);
    let known = time.filter(|_| seconds < 253_402_300_800);
    known.map_or("?".to_owned(), |time| {
        humantime::format_rfc3339_seconds(time).to_string().chars().take(10).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day(1_530_000_000), "2018-06-26");
        assert_eq!(day(-5), "1970-01-01");
        assert_eq!(day(i64::MAX), "?");
    }

    #[test]
    fn tables_survive_their_contents() {
        let rows = [vec!["a|b".to_owned(), "1".to_owned()]];
        assert_eq!(table(&["x", "y"], rows.into_iter()), "| x | y |\n|---|--:|\n| a\\|b | 1 |\n");
    }
}
