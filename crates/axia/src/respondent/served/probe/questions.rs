//! What is asked.

use crate::respondent::Prompt;
use crate::respondent::served::Shape;

/// Questions with quite different answers.
pub(super) fn different(shape: Shape) -> [Prompt; 3] {
    match shape {
        Shape::Plain => {
            ["The capital of France is", "def add(a, b):\n    return", "Once upon a time there"]
                .map(plain)
        }
        Shape::Chat => {
            ["Name a colour.", "What is seven plus five?", "Who wrote the play Hamlet?"].map(chat)
        }
    }
}

/// A question with very many answers.
pub(super) fn open(shape: Shape) -> Prompt {
    match shape {
        Shape::Plain => plain("Here is a list of unusual names for a cat:"),
        Shape::Chat => chat("Invent an unusual name for a cat, and say why it fits."),
    }
}

fn plain(text: &str) -> Prompt {
    Prompt::Plain(text.to_owned())
}

fn chat(question: &str) -> Prompt {
    Prompt::Chat { system: None, question: question.to_owned(), answer: String::new() }
}
