//! All probes in turn.

use super::questions::different;
use super::{draws, lists, names, prefill, prompts};
use crate::respondent::Prompt;
use crate::respondent::served::account::{Finding, State};
use crate::respondent::served::answer::Answer;
use crate::respondent::served::asking::Asking;
use crate::respondent::served::cache::Refusal;
use crate::respondent::served::wording::{Draw, PLAIN};
use crate::respondent::served::{ServedError, Shape};
use crate::text::one_line;
use std::sync::atomic::AtomicBool;

/// A short answer with the tokens that might have been its first.
pub(super) const SHORT: Draw = Draw { sampling: PLAIN, seed: 0, max_tokens: 12, top: true };

/// A server that was probed.
pub(in crate::respondent::served) struct Probe {
    /// With what it was found able to do.
    pub(in crate::respondent::served) asking: Asking,
    /// What was found.
    pub(in crate::respondent::served) findings: Vec<Finding>,
}

impl Probe {
    /// Asks all probe questions that matter for prompts of this shape.
    ///
    /// # Errors
    /// [`ServedError`] where nothing can be learnt from the server.
    pub(in crate::respondent::served) fn run(
        asking: Asking,
        shape: Shape,
        cancel: &AtomicBool,
    ) -> Result<Self, ServedError> {
        let mut probe = Self { asking, findings: Vec::new() };
        let questions = different(shape);
        let mut answers = vec![probe.first(&questions[0], shape, cancel)?];
        for question in &questions[1..] {
            let request = probe.asking.generate(question, SHORT);
            answers.push(probe.asking.answer(&request, cancel)?);
        }
        probe.tell_apart(&answers, &questions[0])?;
        probe.findings.push(names::judge(&answers, &probe.asking.model));
        probe.lists(&answers);
        if shape == Shape::Chat {
            let finding = prefill::probe(&mut probe.asking, cancel)?;
            probe.findings.push(finding);
        }
        let (echo, findings) = prompts::probe(&probe.asking, shape, cancel)?;
        probe.asking.abilities.echo = echo;
        probe.findings.extend(findings);
        probe.findings.extend(draws::probe(&probe.asking, shape, cancel)?);
        Ok(probe)
    }

    /// The first answer; what the server refuses is left out from then on.
    fn first(
        &mut self,
        question: &Prompt,
        shape: Shape,
        cancel: &AtomicBool,
    ) -> Result<Answer, ServedError> {
        loop {
            let request = self.asking.generate(question, SHORT);
            let (status, said) = match self.asking.ask(&request, cancel)? {
                Ok(answer) => return Ok(answer),
                Err(Refusal { status, said }) => (status, said),
            };
            let url = self.asking.url(&request);
            if matches!(status, 404 | 405) {
                return Err(ServedError::NoEndpoint { url, shape, said });
            }
            match self.asking.abilities.concede(&said) {
                Some(what) => {
                    self.findings.push(Finding::new("parameters", State::Absent, what));
                }
                None => return Err(ServedError::Refused { url, said }),
            }
        }
    }

    /// That answers depend on questions at all.
    fn tell_apart(&self, answers: &[Answer], question: &Prompt) -> Result<(), ServedError> {
        let url = self.asking.url(&self.asking.generate(question, SHORT));
        let texts: Vec<&str> = answers.iter().map(|answer| answer.text.trim()).collect();
        if texts.iter().all(|text| text.is_empty()) {
            return Err(ServedError::Silent { url });
        }
        match texts.iter().all(|text| *text == texts[0]) {
            true => Err(ServedError::Constant { url, answer: one_line(texts[0], 60) }),
            false => Ok(()),
        }
    }

    fn lists(&mut self, answers: &[Answer]) {
        let asked = self.asking.abilities.top;
        if asked == 0 {
            return;
        }
        let given: Vec<_> = answers.iter().map(|answer| answer.top.as_slice()).collect();
        let finding = lists::judge(&given, asked);
        if finding.state != State::Works {
            self.asking.abilities.top = 0;
        }
        self.findings.push(finding);
    }
}
