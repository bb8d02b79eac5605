//! Jumps, calls and scenes.

use std::sync::Arc;

use crate::error::{Fault, FaultKind};
use crate::expression::Value;
use crate::program::{Jump, Program, unknown_scene};

use super::handle::{Draw, Player};

impl Player {
    /// Enters a scene: used options are forgotten, its temporary variables have their values again.
    fn enter(&mut self, program: &Program, scene: u32) -> Result<(), Fault> {
        let state = &mut self.state;
        state.scene = scene;
        state.hide_reuse = false;
        let forgets = program.scene(scene).map_or(&[][..], |scene| &scene.forgets);
        for slot in forgets {
            if let Some(used) = state.used.get_mut(*slot as usize)
                && *used == super::state::Use::Used
            {
                *used = super::state::Use::Once;
            }
        }
        let kept = state.temporaries.get(scene as usize).map_or(&[][..], |kept| kept);
        for (symbol, value) in kept {
            state.symbols.set(symbol, value.clone())?;
        }
        Ok(())
    }

    /// Goes to the first line of a scene.
    pub(super) fn start_scene(&mut self, program: &Program, scene: u32) -> Result<(), Fault> {
        self.enter(program, scene)?;
        self.state.line = 0;
        self.record();
        Ok(())
    }

    /// Carries out a jump or call. A jump to a label goes on behind the label's line.
    pub(super) fn jump(&mut self, program: &Program, jump: &Jump) -> Result<(), Fault> {
        if jump.call {
            if self.state.calls.len() >= program.limits.calls {
                let message = format!("more than {} calls have not returned", program.limits.calls);
                return Err(Fault::new(FaultKind::Limit, message));
            }
            self.state.calls.push((self.state.scene, self.state.line));
        }
        if let Some(name) = &jump.scene {
            let scene = match jump.known {
                Some((scene, _)) => scene,
                None => {
                    let name = self.name(program, name)?;
                    program.scene_id(&name).ok_or_else(|| unknown_scene(&name))?
                }
            };
            if jump.label.is_none() {
                return self.start_scene(program, scene);
            }
            self.enter(program, scene)?;
        }
        if let Some(label) = &jump.label {
            self.state.line = match jump.known {
                Some((_, line)) => line,
                None => {
                    let name = self.name(program, label)?;
                    self.find_label(program, &name)?
                }
            };
        }
        self.state.parameters = Some(jump.parameters.clone());
        self.record();
        self.advance(program)
    }

    /// The name of a scene or label, in lower case.
    fn name(&mut self, program: &Program, text: &str) -> Result<String, Fault> {
        Ok(self.reader(program).rewritten(text, true, false)?.to_lowercase())
    }

    fn find_label(&self, program: &Program, label: &str) -> Result<u32, Fault> {
        let scene = program.scene(self.state.scene).map_or("", |scene| &scene.name);
        program.label(scene, label).ok_or_else(|| {
            let nearest = crate::error::nearest(label, program.labels_of(scene));
            let hint = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            let message = format!("there is no label `{label}` in the scene `{scene}`{hint}");
            Fault::new(FaultKind::Key, message).about(label)
        })
    }

    /// Jumps to the label that a variable names, or to a quoted one.
    pub(super) fn jump_reference(&mut self, program: &Program, text: &str) -> Result<(), Fault> {
        let name = self.reader(program).rewritten(text, true, true)?.replace('"', "");
        let mut label = name.to_lowercase();
        if !text.contains(['"', '\'']) {
            label = self.named(program, &label)?.to_lowercase();
        }
        self.state.line = self.find_label(program, &label)?;
        self.record();
        self.advance(program)
    }

    /// The name that a variable holds.
    pub(super) fn named(&self, program: &Program, variable: &str) -> Result<Arc<str>, Fault> {
        match self.state.symbols.get(&program.names.find(variable)) {
            Some(Value::Text(name)) => Ok(name),
            Some(other) => Err(Fault::new(
                FaultKind::Attribute,
                format!("`{variable}` is {} and names nothing", other.literal()),
            )
            .about(variable)),
            None => Err(Fault::new(FaultKind::Key, format!("there is no variable `{variable}`"))
                .about(variable)),
        }
    }

    /// Goes to the second line of one of several scenes: the first is skipped.
    pub(super) fn random_scene(
        &mut self,
        program: &Program,
        scenes: &[Box<str>],
    ) -> Result<(), Fault> {
        if scenes.is_empty() {
            return Err(Fault::new(FaultKind::Index, "no scenes are listed below the command"));
        }
        let index = self.state.random.below(scenes.len() as u64) as usize;
        let name = scenes.get(index).map_or("", |name| name);
        if self.keeps_draws {
            self.draws.push(Draw::Scene { count: scenes.len(), index, name: name.into() });
        }
        let scene = program.scene_id(name).ok_or_else(|| unknown_scene(name))?;
        self.start_scene(program, scene)?;
        self.advance(program)
    }
}
