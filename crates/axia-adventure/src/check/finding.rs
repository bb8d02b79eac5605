//! What a check finds.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not meant so.
    Warning,
    /// The game can fail, or cannot be measured.
    Error,
}

/// The rule that a finding breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// A line fails whenever it is reached.
    BrokenLine,
    /// An expression is none.
    Syntax,
    /// A jump goes to a scene that there is not.
    UnknownScene,
    /// A jump goes to a label that there is not.
    UnknownLabel,
    /// A variable is never given a value.
    UnknownVariable,
    /// A variable is called like a function or constant.
    ReservedName,
    /// An `*else` stands between options, where it is always taken.
    ElseAroundOptions,
    /// Two options of a choice cannot be told apart.
    SameCaption,
    /// An achievement is unlocked that is not declared.
    UndeclaredAchievement,
    /// Points do not add up to 100.
    Points,
    /// A path failed while the game was played.
    Failure,
    /// A path did not end.
    Endless,
    /// A scene was never entered.
    SceneNotReached,
    /// A label was never passed.
    LabelNotReached,
    /// Lines were never reached.
    LineNotReached,
    /// An achievement was never unlocked.
    AchievementNotReached,
    /// An option's body does not begin with a mark.
    OptionWithoutMark,
    /// A mark stands at several places.
    MarkTwice,
    /// A mark has no annotation.
    MarkWithoutAnnotation,
    /// An annotation belongs to no mark.
    AnnotationWithoutMark,
    /// An option's mark expresses no value.
    OptionWithoutValues,
    /// Value weights belong to a mark that begins no option.
    ValuesElsewhere,
    /// All options of a choice express the same.
    SameValues,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule.
    pub rule: Rule,
    /// The scene, if it is about one.
    pub scene: Option<String>,
    /// Line in the scene's file, from 1; 0 if unknown.
    pub row: u32,
    /// Column, from 1.
    pub column: u32,
    /// What was found, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        match &self.scene {
            Some(scene) if self.row > 0 => {
                write!(f, "{scene}.txt:{}:{}: ", self.row, self.column)?;
            }
            Some(scene) => write!(f, "{scene}: ")?,
            None => {}
        }
        write!(f, "{severity}: {}", self.message)
    }
}

impl Finding {
    /// A finding about the whole game.
    pub(super) fn whole(severity: Severity, rule: Rule, message: impl Into<String>) -> Self {
        Self { severity, rule, scene: None, row: 0, column: 0, message: message.into() }
    }

    /// A finding about a line.
    pub(super) fn at(
        severity: Severity,
        rule: Rule,
        scene: &str,
        line: &crate::source::Line,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            rule,
            scene: Some(scene.to_owned()),
            row: line.row,
            column: line.indent as u32 + 1,
            message: message.into(),
        }
    }
}
