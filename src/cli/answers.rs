//! Answers to a command's questions: a password, or whether it may continue.

use std::path::PathBuf;

/// The source of a password; never an argument, which every user of the machine can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// Asked twice on the terminal.
    Terminal,
    /// `--password-file`: the file's first line.
    File(PathBuf),
    /// `--password-stdin`: the first line of standard input.
    Stdin,
    /// `--generate`: generated here, printed once to standard output.
    Generate,
}

/// Whether `--yes` answers the question that a destructive command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// The operator is asked; without a terminal the command ends with exit code 2.
    Ask,
    /// `--yes` was given.
    Given,
}
