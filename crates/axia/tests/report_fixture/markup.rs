//! What is asked of every page: complete, inert, and well formed.

use std::collections::BTreeSet;
use std::fs;

use axia::results::write;
use axia::study::summary::RunSummary;

pub fn page(summary: &RunSummary) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), summary).unwrap();
    fs::read_to_string(folder.path().join("report.html")).unwrap()
}

/// The markup without style sheet and script.
pub fn markup(page: &str) -> String {
    let mut text = page.to_owned();
    for tag in ["style", "script"] {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let (start, end) = (text.find(&open).unwrap(), text.find(&close).unwrap());
        text.replace_range(start..end + close.len(), "");
        assert!(!text.contains(&open), "there is one {tag} only");
    }
    text
}

/// All tags as `(name, rest)`; closing ones start with a slash.
pub fn tags(markup: &str) -> Vec<(String, String)> {
    let parts = markup.split('<').skip(1);
    parts
        .map(|part| {
            let (tag, _) = part.split_once('>').expect("every tag is closed");
            let end = tag.find([' ', '\n']).unwrap_or(tag.len());
            (tag[..end].trim_end_matches('/').to_owned(), tag[end..].to_owned())
        })
        .collect()
}

/// The values of an attribute over all tags.
pub fn attributes<'a>(tags: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let values = tags.iter().filter_map(|(_, rest)| {
        let from = rest.find(&start)? + start.len();
        rest[from..].split('"').next()
    });
    values.collect()
}

/// Nothing on the page is invisible, or runs when it is looked at.
pub fn assert_harmless(page: &str) {
    let hidden = |c: &char| {
        (c.is_control() && *c != '\n')
            || ('\u{200b}'..='\u{200f}').contains(c)
            || ('\u{2028}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
            || *c == '\u{feff}'
    };
    assert_eq!(page.chars().find(hidden), None);
    let tags = tags(&markup(page));
    assert!(attributes(&tags, "onload").is_empty() && attributes(&tags, "onerror").is_empty());
}

/// Elements are closed in order, identifiers are unique, tables and figures are described.
pub fn assert_well_formed(page: &str) {
    let markup = markup(page);
    let tags = tags(&markup);
    let mut open: Vec<&str> = Vec::new();
    for (name, rest) in &tags {
        let void = ["!doctype", "meta", "input", "br"].contains(&name.as_str());
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed));
        } else if !void && !rest.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    let ids = attributes(&tags, "id");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for target in attributes(&tags, "href") {
        assert!(ids.contains(&target.strip_prefix('#').unwrap()), "{target} leads nowhere");
    }
    for (name, rest) in &tags {
        match name.as_str() {
            "svg" => assert!(rest.contains("role=\"img\"") && rest.contains(" aria-label=")),
            "th" => assert!(rest.contains(" scope="), "{rest}"),
            _ => {}
        }
    }
}

pub fn assert_finite(page: &str) {
    let markup = markup(page);
    let tags = tags(&markup);
    let plain = ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"];
    for name in plain {
        for value in attributes(&tags, name) {
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{name}={value}");
        }
    }
    for name in ["d", "viewBox"] {
        for value in attributes(&tags, name) {
            let numbers = value.split(|c: char| c == ' ' || "MLAZ".contains(c));
            for number in numbers.filter(|number| !number.is_empty()) {
                assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "{name}={value}");
            }
        }
    }
}

/// Nothing is loaded from anywhere.
pub fn assert_self_contained(page: &str) {
    for load in [" src=", "@import", "url(", "<link", "<iframe", "<img", "http://", "https://"] {
        assert!(!page.contains(load), "{load}");
    }
    assert!(page.contains("default-src 'none'") || page.contains("default-src &#x27;none&#x27;"));
}

pub fn assert_sound(page: &str) {
    assert_well_formed(page);
    assert_finite(page);
    assert_self_contained(page);
}
