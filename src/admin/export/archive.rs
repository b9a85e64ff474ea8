//! An export as one archive, for users who request it from a client.

use std::io::{self, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::error::CliError;
use super::documents::{Export, Target};
use crate::service::{ArchiveFile, ArchiveOrder, Service};

/// File extensions of content that compression does not make smaller.
const COMPRESSED: [&str; 12] = [
    "jpg", "jpeg", "png", "webp", "gif", "avif", "heic", "mp4", "webm", "mov", "m4a", "zip",
];

/// Writes an archive of what a user has written and may see.
///
/// # Errors
/// The reason why it cannot be written.
pub fn write(service: &Service, order: &ArchiveOrder, file: ArchiveFile) -> Result<(), String> {
    let mut archive = Archive {
        zip: ZipWriter::new(file),
    };
    let mut export = Export::new(service, &mut archive, order.has_files);
    let written = tokio::runtime::Handle::current().block_on(export.user(&order.login));
    written.map_err(|err| err.to_string())?;
    let file = archive.zip.finish().map_err(|err| err.to_string())?;
    file.sync().map_err(|err| err.to_string())
}

struct Archive {
    zip: ZipWriter<ArchiveFile>,
}

impl Write for Archive {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.zip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}

impl Target for Archive {
    fn begin(&mut self, name: &str) -> Result<(), CliError> {
        let (_, ending) = name.rsplit_once('.').unwrap_or_default();
        let ending = ending.to_ascii_lowercase();
        let method = if COMPRESSED.contains(&ending.as_str()) {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            // The length of a document is only known at its end.
            .large_file(true)
            .unix_permissions(0o600);
        let begun = self.zip.start_file(name, options);
        begun.map_err(|err| self.failed(err.into()))
    }

    fn end(&mut self) -> Result<(), CliError> {
        Ok(())
    }

    fn failed(&self, source: io::Error) -> CliError {
        CliError::File {
            path: "the archive".into(),
            source,
        }
    }
}
