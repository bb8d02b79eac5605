//! `axia completions`: shell completions.

use super::Cli;
use super::failure::Outcome;
use super::failure::print;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell
///
/// Example: axia completions bash > ~/.local/share/bash-completion/completions/axia
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "axia", &mut script);
    print(script)
}
