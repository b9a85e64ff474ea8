//! `move pack` and `move unpack`: move the whole server from one machine to another in one file.

mod pack;
mod unpack;

use std::path::PathBuf;

use super::error::CliError;
use super::print::Output;
use crate::cli::MoveCommand;
use crate::config::{Config, Sources};
use crate::exit::Exit;

/// The entries of the file. The name is that of every backup, so that `restore` accepts what is
/// unpacked by hand.
const DATABASE: &str = "morelia.db";
const CONFIGURATION: &str = "morelia.ini";
const KEYS: &str = "morelia.keys";
const FILES: &str = "files";

/// Runs the command.
///
/// # Errors
/// What failed.
pub(super) fn run(
    command: &MoveCommand,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    match command {
        MoveCommand::Pack {
            file,
            with_keys,
            confirmation,
        } => pack::run(file, *with_keys, *confirmation, sources, output),
        MoveCommand::Unpack { file } => unpack::run(file, sources, output),
    }
}

/// Returns the files that the configuration names and that belong to the machine, each with its key.
fn outside(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let named = [
        ("[tls] certfile", &config.tls.certfile),
        ("[tls] keyfile", &config.tls.keyfile),
        ("[tls] ca_certs", &config.tls.ca_certs),
        ("[tls] acme_ca", &config.tls.acme_ca),
        ("[outbound] ca_file", &config.outbound.ca_file),
    ];
    let set = |(key, path): (&'static str, &Option<PathBuf>)| path.clone().map(|path| (key, path));
    named.into_iter().filter_map(set).collect()
}
