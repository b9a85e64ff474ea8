//! The operator's own command after a backup, such as one that copies it to another machine.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{absolute, configuration_of, keys, pool_of};
use crate::app::AppError;

/// How long the command may take: a full copy over a slow connection.
const MOST: Duration = Duration::from_hours(12);

/// How often the server checks whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How many bytes of its standard error are read; the last line of them is reported.
const MOST_SAID: u64 = 64 * 1024;

/// Runs the command for a backup, in the shell. Blocks.
///
/// # Errors
/// The command cannot be started, does not end, or ends with another code than 0.
pub fn run(command: &str, copy: &Path) -> Result<(), AppError> {
    let failed = |why: String| AppError::Failed(format!("the command [backup] after {why}"));
    // Only files that exist beside this copy are named.
    let beside = [
        ("MORELIA_BACKUP_CONFIG", configuration_of(copy)),
        ("MORELIA_BACKUP_FILES", pool_of(copy).path().to_owned()),
        ("MORELIA_BACKUP_KEYS", keys::folder_of(copy)),
    ];
    let named = beside.map(|(variable, path)| {
        let there = path.exists().then(|| absolute(&path));
        (variable, there.unwrap_or_default())
    });
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("MORELIA_BACKUP", absolute(copy))
        .envs(named)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Its child processes end with it.
        .process_group(0)
        .spawn()
        .map_err(|err| failed(format!("cannot be started: {err}")))?;
    let stderr = child.stderr.take();
    let said = thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = stderr.by_ref().take(MOST_SAID).read_to_end(&mut bytes);
            // A command whose output is not read would block.
            let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let Some(status) = wait(&mut child, MOST).map_err(|err| failed(err.to_string()))? else {
        end(&child);
        let _ = child.wait();
        return Err(failed(format!(
            "did not end within {} hours",
            MOST.as_secs() / 3600
        )));
    };
    if status.success() {
        return Ok(());
    }
    // A process that it left running may keep standard error open.
    end(&child);
    let said = said.join().unwrap_or_default();
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let why = last.map_or_else(String::new, |line| format!(": {line}"));
    Err(failed(match status.code() {
        Some(code) => format!("ended with code {code}{why}"),
        None => format!("was killed{why}"),
    }))
}

fn wait(child: &mut Child, most: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > most {
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn end(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_learns_the_copy_and_its_failure_is_told() {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("morelia-1.db");
        let note = place.path().join("note");
        let command = format!(
            "printf '%s\\n' \"$MORELIA_BACKUP\" \"$MORELIA_BACKUP_FILES\" \"$MORELIA_BACKUP_KEYS\" > '{}'",
            note.display()
        );
        run(&command, &copy).unwrap();
        let noted = std::fs::read_to_string(&note).unwrap();
        assert_eq!(noted, format!("{}\n\n\n", copy.display()));
        let (files, keys) = (place.path().join("files"), keys::folder_of(&copy));
        std::fs::create_dir(&files).unwrap();
        std::fs::create_dir(&keys).unwrap();
        run(&command, &copy).unwrap();
        let noted = std::fs::read_to_string(&note).unwrap();
        let (copy_name, files) = (copy.display(), files.display());
        assert_eq!(noted, format!("{copy_name}\n{files}\n{}\n", keys.display()));
        let err = run("echo no route >&2; echo >&2; exit 3", &copy).unwrap_err();
        assert!(
            err.to_string().ends_with("ended with code 3: no route"),
            "{err}"
        );
        // A process that it leaves in the background delays nothing.
        let begun = Instant::now();
        run("sleep 60 & exit 1", &copy).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
