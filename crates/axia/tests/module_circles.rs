//! Modules of a crate stand on each other without going in circles: a reader can begin at the bottom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Top-level modules of a crate: what each uses, and a file of it that does.
type Uses = BTreeMap<String, BTreeMap<String, PathBuf>>;

/// The files under `folder`, in the order of their names.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
        .into_iter()
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// The names after `crate::` in a file: one, or those of a braced list.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let after = code.split("crate::").skip(1);
    let names = after.flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => top_level(list).into_iter().map(|part| name(&part)).collect(),
        None => vec![name(rest)],
    });
    names.collect()
}

/// The parts of a braced list, without those of lists inside it.
fn top_level(list: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ if depth == 0 => parts.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    parts
}

fn uses_of(source: &Path) -> Uses {
    let module = |path: &Path| {
        let first = path.strip_prefix(source).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let files = sources(source);
    let modules: BTreeSet<String> = files.iter().map(|path| module(path)).collect();
    let mut uses = Uses::new();
    for path in files {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for other in used(&text).into_iter().filter(|name| *name != own && modules.contains(name)) {
            uses.entry(own.clone()).or_default().entry(other).or_insert_with(|| path.clone());
        }
    }
    uses
}

/// A way from `at` back to a module on `path`, each step with the file that takes it.
fn circle(
    uses: &Uses,
    at: &str,
    path: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<String> {
    if done.contains(at) {
        return None;
    }
    path.push(at.to_owned());
    for (next, file) in uses.get(at).into_iter().flatten() {
        if let Some(begin) = path.iter().position(|one| one == next) {
            let way = path[begin..].join(" → ");
            return Some(format!("{way} → {next}; `{}` closes the circle", file.display()));
        }
        if let Some(found) = circle(uses, next, path, done) {
            return Some(found);
        }
    }
    path.pop();
    done.insert(at.to_owned());
    None
}

fn find_circle(uses: &Uses) -> Option<String> {
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| circle(uses, module, &mut Vec::new(), &mut done))
}

#[test]
fn no_crate_has_modules_that_use_each_other_in_a_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in ["axia", "axia-adventure", "axia-engine", "axia-values"] {
        let uses = uses_of(&crates.join(name).join("src"));
        assert!(uses.len() > 3, "{name}: {uses:?}");
        if let Some(circle) = find_circle(&uses) {
            panic!("{name}: {circle}");
        }
    }
}

#[test]
fn a_circle_is_named_with_the_file_that_closes_it() {
    let uses = |edges: &[(&str, &str)]| {
        let mut uses = Uses::new();
        for (from, to) in edges {
            let file = PathBuf::from(format!("{from}.rs"));
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned(), file);
        }
        uses
    };
    assert_eq!(find_circle(&uses(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = find_circle(&uses(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")])).unwrap();
    assert_eq!(found, "b → c → d → b; `d.rs` closes the circle");
}

#[test]
fn names_are_read_wherever_they_stand() {
    let text = "use crate::{files::{self, folder_of}, run};\n// crate::not\nlet x = crate::text::plain(y);";
    let names: Vec<String> = used(text).into_iter().collect();
    assert_eq!(names, ["files", "run", "text"]);
}
