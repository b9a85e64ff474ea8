//! Uses a certificate that was renewed on disk, without being told to.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use crate::server::{Certificate, Tls};

/// How often the files are checked: a check is a few system calls.
const LOOK: Duration = Duration::from_secs(10);

/// What is known of the files without reading them: the inode number, length and time of each.
type Look = Vec<Option<(u64, u64, i64, i64)>>;

/// Reloads the certificate whenever its files have changed, for as long as the server runs. `files`
/// are those that are configured now.
pub(super) async fn keep_reading(
    certificate: Option<Certificate>,
    files: watch::Receiver<Option<Tls>>,
) {
    let Some(certificate) = certificate else {
        return;
    };
    let mut named = files.borrow().clone();
    let mut served = named.as_ref().map(look);
    let mut before = served.clone();
    loop {
        tokio::time::sleep(LOOK).await;
        let now_named = files.borrow().clone();
        let now = now_named.as_ref().map(look);
        // Files named by a SIGHUP have already been read.
        if now_named != named {
            (named, served) = (now_named, now.clone());
        }
        let is_settled = now == before;
        before.clone_from(&now);
        // Certificate and key are not written at the same instant.
        if now == served || !is_settled {
            continue;
        }
        served = now;
        let Some(files) = named.clone() else { continue };
        match certificate.reload(&files) {
            Ok(()) => log::info!("the certificate has been renewed on the disk and is served"),
            Err(err) => log::error!(
                "the certificate has changed on the disk, and the old one is kept: {err}"
            ),
        }
    }
}

fn look(files: &Tls) -> Look {
    let authorities = files.client_authorities.as_deref();
    let all = [
        Some(files.certificate.as_path()),
        Some(&files.key),
        authorities,
    ];
    all.into_iter().flatten().map(look_at).collect()
}

fn look_at(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
}
