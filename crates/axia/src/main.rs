//! The `axia` command.

fn main() -> std::process::ExitCode {
    axia::cli::main()
}
