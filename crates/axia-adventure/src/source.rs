//! Scenes as lines: from the benchmark's JSON files, or from ChoiceScript text files.

use crate::error::{Fault, FaultKind, LoadError, Place, PlayError};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

/// Reads the scenes of a game from their texts by name, starting with `startup` and going on to
/// every scene that the list or a line mentions.
///
/// # Errors
/// If a scene is missing or a line cannot be read, with its place.
pub fn read_texts(texts: &BTreeMap<String, String>) -> Result<Source, PlayError> {
    let source = Source { scene_list: vec!["startup".into()], ..Source::default() };
    let mut reader = Reader { source, waiting: VecDeque::new() };
    reader.scene("startup", texts, None)?;
    while let Some((name, from)) = reader.waiting.pop_front() {
        reader.scene(&name, texts, from)?;
    }
    reader.source.close_scenes();
    Ok(reader.source)
}

struct Reader {
    source: Source,
    /// Scenes to read, in order, and the place that mentions them.
    waiting: VecDeque<(String, Option<Place>)>,
}

impl Reader {
    fn scene(
        &mut self,
        name: &str,
        texts: &BTreeMap<String, String>,
        from: Option<Place>,
    ) -> Result<(), PlayError> {
        let Some(text) = texts.get(name) else {
            let nearest = crate::error::nearest(name, texts.keys().map(String::as_str));
            let hint = nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            let message = format!("there is no scene `{name}` (spelled with this case){hint}");
            let place = from.unwrap_or(Place {
                scene: name.into(),
                row: 0,
                column: 0,
                index: 0,
                text: String::new(),
            });
            let fault = Fault::new(FaultKind::Key, message).about(name);
            return Err(PlayError { place, fault });
        };
        let mut lines = raw_lines(text);
        for index in 0..lines.len() {
            self.line(name, &mut lines, index).map_err(|fault| {
                let line = &lines[index];
                PlayError { place: place(name, line, index, &fault), fault }
            })?;
        }
        self.source.scenes.insert(name.to_lowercase(), lines);
        Ok(())
    }

    /// Notes what a line declares, and repairs what the scraper repairs.
    fn line(&mut self, scene: &str, lines: &mut [Line], index: usize) -> Result<(), Fault> {
        let Some(line) = lines.get(index) else { return Ok(()) };
        let text = line.text.clone();
        let lower = text.to_lowercase();
        let argument = |command: &str| text.split_once(command).map(|(_, rest)| rest.to_owned());
        if lower.starts_with("*label") {
            let name = text.replace("*label", "");
            let label = format!("{scene}_{}", name.trim()).to_lowercase();
            self.source.labels.insert(label, index);
        } else if lower.starts_with("*goto_scene") || lower.starts_with("*gosub_scene") {
            let to = text.split(' ').nth(1).ok_or_else(|| missing("the name of a scene"))?;
            self.mention(scene, to, line, index);
        } else if lower.starts_with("*title") {
            self.source.title = argument("*title ").ok_or_else(|| missing("a title"))?;
        } else if lower.starts_with("*author") {
            self.source.author = argument("*author ").ok_or_else(|| missing("an author"))?;
        } else if lower.starts_with("*scene_list") {
            self.list(scene, lines, index)?;
        } else if lower.starts_with("*elsif")
            && let Some(line) = lines.get_mut(index)
        {
            line.text = text.replace("*elsif", "*elseif").into();
        }
        let assigns = ["*create", "*set", "*temp"].iter().any(|c| lower.starts_with(c));
        if assigns && !lower.starts_with("*set_checkpoint") {
            self.assignment(lines, index, &lower)?;
        }
        Ok(())
    }

    fn mention(&mut self, scene: &str, to: &str, line: &Line, index: usize) {
        let known = self.source.scenes.contains_key(to)
            || self.waiting.iter().any(|(name, _)| name == to)
            || to == scene
            || to.contains('{');
        if !known {
            let fault = Fault::new(FaultKind::Key, "").about(to);
            self.waiting.push_back((to.into(), Some(place(scene, line, index, &fault))));
        }
    }

    fn list(&mut self, scene: &str, lines: &[Line], index: usize) -> Result<(), Fault> {
        let indent = lines.get(index).map_or(0, |line| line.indent);
        self.waiting.clear();
        for (at, line) in lines.iter().enumerate().skip(index + 1) {
            if line.indent <= indent {
                break;
            }
            let mut name: &str = &line.text;
            if name.starts_with('$') {
                name = name.split(' ').nth(1).ok_or_else(|| missing("a scene behind `$`"))?;
            }
            if name != "startup" {
                let fault = Fault::new(FaultKind::Key, "");
                self.waiting.push_back((name.into(), Some(place(scene, line, at, &fault))));
                self.source.scene_list.push(name.into());
            }
        }
        Ok(())
    }

    fn assignment(&mut self, lines: &mut [Line], index: usize, lower: &str) -> Result<(), Fault> {
        let Some(line) = lines.get_mut(index) else { return Ok(()) };
        let text = line.text.clone();
        let mut words: Vec<String> =
            split_words(&text, usize::MAX).into_iter().map(str::to_owned).collect();
        if lower.starts_with("*temp") || lower.starts_with("*set") {
            if let [command, joined] = &words[..] {
                words = split_operator(command, joined);
            }
            if words.len() < 3 && !text.starts_with("*temp") {
                return Err(missing("a variable and a value"));
            }
            line.text = words.join(" ").into();
        }
        let variable = words.get(1).ok_or_else(|| missing("a variable"))?.to_lowercase();
        let word = !variable.starts_with(|c: char| c.is_numeric())
            && variable.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !RESERVED.contains(&variable.as_str());
        if !word && !lower.starts_with("*setref") && !variable.contains('{') {
            let keywords = &mut self.source.keywords;
            if !keywords.contains(&variable) {
                keywords.push(variable);
            }
        }
        Ok(())
    }
}

/// Words that cannot be variables.
const RESERVED: [&str; 37] = [
    "and",
    "as",
    "assert",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "exec",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "not",
    "or",
    "pass",
    "print",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "True",
    "False",
    "None",
    "eval",
    "execfile",
    "__import__",
    "__package__",
];

/// The scraper's repair of a missing space: it cuts at the first operator and loses it, but keeps
/// a quotation mark.
fn split_operator(command: &str, joined: &str) -> Vec<String> {
    for mark in ['%', '+', '-', '*', '/', '"'] {
        if let Some((name, value)) = joined.split_once(mark) {
            let value = if mark == '"' { format!("\"{value}") } else { value.to_owned() };
            return vec![command.to_owned(), name.to_owned(), value];
        }
    }
    vec![command.to_owned(), joined.to_owned()]
}

fn missing(what: &str) -> Fault {
    Fault::new(FaultKind::Index, format!("{what} is missing"))
}

fn place(scene: &str, line: &Line, index: usize, fault: &Fault) -> Place {
    Place {
        scene: scene.to_lowercase(),
        row: line.row,
        column: column(line, fault),
        index,
        text: line.text.to_string(),
    }
}

/// Column of the piece at fault, from 1.
pub(crate) fn column(line: &Line, fault: &Fault) -> u32 {
    let offset = fault.fragment.as_ref().and_then(|piece| line.text.find(&**piece)).unwrap_or(0);
    let before = line.text.get(..offset).map_or(0, |text| text.chars().count());
    (line.indent + before + 1) as u32
}

fn raw_lines(text: &str) -> Vec<Line> {
    let rows = text.split('\n').enumerate();
    rows.filter(|(_, raw)| !raw.trim_start().is_empty())
        .map(|(row, raw)| Line {
            text: raw.trim().replace('\u{feff}', "").into(),
            indent: raw.chars().take_while(|c| c.is_whitespace()).count(),
            row: row as u32 + 1,
        })
        .collect()
}

/// Words separated by white space, at most `most`; the last takes the rest of the line.
pub(crate) fn split_words(text: &str, most: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if words.len() + 1 == most {
            words.push(rest.trim_end());
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// Words separated by white space outside parentheses and double quotes.
pub(crate) fn parameters(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0i64, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            if depth == 0 && !quoted {
                words.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            continue;
        }
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain_mut(|word| {
        *word = word.trim();
        !word.is_empty()
    });
    words
}

/// A line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its text without surrounding white space.
    pub text: Box<str>,
    /// Leading white-space characters; a tab is one.
    pub indent: usize,
    /// Line in the file, from 1; 0 where unknown.
    pub row: u32,
}

/// The scenes of a game before they are parsed.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The game's title.
    pub title: String,
    /// Its author.
    pub author: String,
    /// Scene names in playing order, as written.
    pub scene_list: Vec<String>,
    /// Scenes by lower-case name.
    pub scenes: BTreeMap<String, Vec<Line>>,
    /// Index of a label's line by `scene_label`, in lower case.
    pub labels: HashMap<String, usize>,
    /// Variables called like words of the expression language: `_` is appended to them.
    pub keywords: Vec<String>,
}

impl Source {
    /// Appends the two lines that end each scene: `*ending` for the last scene of the list,
    /// `*finish` for any other, and an empty line. Scene names are compared with case, as the
    /// benchmark does.
    pub(super) fn close_scenes(&mut self) {
        let last = self.scene_list.last().cloned();
        for (name, lines) in &mut self.scenes {
            let end = if Some(name) == last.as_ref() { "*ending" } else { "*finish" };
            for text in [end, ""] {
                lines.push(Line { text: text.into(), indent: 0, row: 0 });
            }
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    scenes: BTreeMap<String, Vec<(String, usize)>>,
    scene_list: Vec<String>,
    label_to_linenum: HashMap<String, usize>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    kw_vars: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    title: String,
    #[serde(default)]
    author: String,
}

impl Source {
    /// Reads a file `source/{game}.json` of the benchmark.
    ///
    /// # Errors
    /// If the file cannot be read or is not of that form.
    pub fn read_recorded(path: &Path) -> Result<Self, LoadError> {
        let text = crate::files::read(path)?;
        let recorded: Recorded = crate::files::json(path, &text)?;
        let scenes = recorded.scenes.into_iter().map(|(name, lines)| {
            let lines = lines
                .into_iter()
                .map(|(text, indent)| Line { text: text.into(), indent, row: 0 })
                .collect();
            (name, lines)
        });
        let mut source = Self {
            title: recorded.metadata.title,
            author: recorded.metadata.author,
            scene_list: recorded.scene_list,
            scenes: scenes.collect(),
            labels: recorded.label_to_linenum,
            keywords: recorded.kw_vars.into_keys().collect(),
        };
        source.close_scenes();
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, PlayError> {
        read_texts(&BTreeMap::from([("startup".to_owned(), text.to_owned())]))
    }

    #[test]
    fn lines_are_stripped_counted_and_repaired() {
        let source = read(
            "\u{feff}*title T\r\n\n*set gold+7\n\t*label One\n*set s  \"a   b\"\n*create class 1\n",
        )
        .unwrap();
        let lines = &source.scenes["startup"];
        let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        assert_eq!(
            texts,
            [
                "*title T",
                "*set gold 7",
                "*label One",
                "*set s \"a b\"",
                "*create class 1",
                "*ending",
                ""
            ]
        );
        assert_eq!((lines[2].indent, lines[2].row), (1, 4));
        assert_eq!(source.labels["startup_one"], 2);
        assert_eq!(source.keywords, ["class"]);
        assert_eq!(source.title, "T");
    }

    #[test]
    fn a_missing_scene_is_an_error_with_a_place() {
        let error = read("*title T\n  *goto_scene startap x\n").unwrap_err();
        assert_eq!((error.place.row, error.place.column), (2, 15));
        assert!(error.to_string().contains("did you mean `startup`"), "{error}");
    }

    #[test]
    fn the_last_word_takes_the_rest() {
        assert_eq!(split_words(" *set x  a + b ", 3), ["*set", "x", "a + b"]);
        assert_eq!(split_words("*set", 3), ["*set"]);
        assert_eq!(split_words("a b c", usize::MAX), ["a", "b", "c"]);
        assert!(split_words("  ", 3).is_empty());
    }

    #[test]
    fn parameters_keep_quotes_and_parentheses_together() {
        assert_eq!(
            parameters("*gosub show n \"two words\" (n + 1)"),
            ["*gosub", "show", "n", "\"two words\"", "(n + 1)"]
        );
        assert_eq!(parameters("a) b"), ["a) b"]);
        assert!(parameters("  ").is_empty());
    }
}
