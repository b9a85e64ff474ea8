//! What a command is answered where it asks: a password, or whether it may.

use std::path::PathBuf;

/// Where a password comes from; never from an argument, which every user of the machine can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// Asked twice on the terminal.
    Terminal,
    /// `--password-file`: the file's first line.
    File(PathBuf),
    /// `--password-stdin`: the first line of standard input.
    Stdin,
    /// `--generate`: made here, printed once to standard output.
    Generate,
}

/// Whether `--yes` answers the question that a destructive command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// A person is asked; without a terminal the command ends with exit code 2.
    Ask,
    /// `--yes` was given.
    Given,
}
