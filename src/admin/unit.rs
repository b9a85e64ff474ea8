//! `service unit`: the systemd unit for this setup.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use crate::config::{Encryption, Loaded};
use crate::server::user_name;

/// What the unit depends on.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// The configuration file, if there is one.
    pub config: Option<PathBuf>,
    /// The user as whom the service runs.
    pub user: String,
    /// The folders that it writes to: those of the database, the backups and the log.
    pub writes: Vec<PathBuf>,
    /// The other files that it reads: certificate and key.
    pub reads: Vec<PathBuf>,
    /// The port on which it listens.
    pub port: u16,
    /// The most connections that it accepts.
    pub connections: usize,
    /// How long it may take to stop.
    pub shutdown_timeout: Duration,
}

impl Setup {
    /// Returns the setup for this program, or one elsewhere, and the configuration.
    ///
    /// # Errors
    /// The system does not say where the program or a folder is.
    pub fn of(loaded: &Loaded, program: Option<&Path>) -> io::Result<Self> {
        let config = &loaded.config;
        let absolute = |path: &Path| std::path::absolute(path);
        let database = absolute(&config.database.path)?;
        let folder = database.parent().unwrap_or(Path::new("/")).to_owned();
        let mut writes = vec![folder.clone(), absolute(&config.backup_dir())?];
        if let Some(log) = &config.logging.file {
            writes.extend(absolute(log)?.parent().map(Path::to_owned));
        }
        if matches!(config.encryption(), Encryption::Acme | Encryption::Local) {
            writes.push(absolute(&config.tls.folder)?);
        }
        // Backups and log are usually in the folder of the database, which then includes them.
        writes.retain(|path| *path == folder || !path.starts_with(&folder));
        let tls = &config.tls;
        let reads = [&tls.certfile, &tls.keyfile, &tls.ca_certs];
        let reads = reads.into_iter().flatten().map(|path| absolute(path));
        Ok(Self {
            program: program.map_or_else(env::current_exe, absolute)?,
            config: loaded.file.as_deref().map(absolute).transpose()?,
            user: owner(&database)
                .or_else(|| owner(&folder))
                .unwrap_or_else(|| "morelia".to_owned()),
            writes,
            reads: reads.collect::<io::Result<_>>()?,
            port: match config.server.http_port {
                0 => config.server.port,
                beside => beside.min(config.server.port),
            },
            connections: config.limits.connections,
            shutdown_timeout: config.server.shutdown_timeout,
        })
    }
}

/// Returns the owner of a file; `None` for root, as whom a service should not run.
fn owner(path: &Path) -> Option<String> {
    let id = fs::metadata(path).ok()?.uid();
    if id == 0 { None } else { user_name(id) }
}

/// The first port that needs no capability.
const FIRST_FREE_PORT: u16 = 1024;

/// File descriptors besides those of connections: database, log, timers, and some to spare.
const OTHER_FILES: usize = 256;

/// Returns the text of the unit.
#[must_use]
pub fn unit(setup: &Setup) -> String {
    let mut exec = quoted(&setup.program);
    if let Some(config) = &setup.config {
        let _ = write!(exec, " --config {}", quoted(config));
    }
    let stop_s = setup.shutdown_timeout.as_secs().saturating_add(10);
    let files = setup.connections.saturating_add(OTHER_FILES);
    // With a minus, the server itself reports a missing folder, in words.
    let writes: Vec<_> = setup
        .writes
        .iter()
        .map(|path| quote(&format!("-{}", path.display())))
        .collect();
    let writes = writes.join(" ");
    let user = &setup.user;
    let folders = writes_shown(&setup.writes);
    let (capabilities, private_users) = if setup.port < FIRST_FREE_PORT {
        ("CAP_NET_BIND_SERVICE", "no")
    } else {
        ("", "yes")
    };
    let home = if lies_in(setup, &["/home", "/root", "/run/user"]) {
        "read-only"
    } else {
        "yes"
    };
    let tmp = if lies_in(setup, &["/tmp", "/var/tmp"]) {
        "no"
    } else {
        "yes"
    };
    format!(
        "\
# The user {user} must be able to write to {folders}; to make that user:
#   useradd --system --home-dir / --shell /usr/sbin/nologin {user}

[Unit]
Description=Morelia, a private chat server
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={exec} serve
ExecReload={exec} reload
User={user}
Restart=on-failure
RestartSec=2
# A configuration that is wrong does not get right by trying again.
RestartPreventExitStatus=78
WatchdogSec=60
# After an upgrade the database may have to be copied and changed before the server is ready.
TimeoutStartSec=1h
TimeoutStopSec={stop_s}
LimitNOFILE={files}

# It writes here and nowhere else.
ReadWritePaths={writes}
UMask=0077
ProtectSystem=strict
ProtectHome={home}
PrivateTmp={tmp}
PrivateDevices=yes
PrivateMounts=yes
PrivateUsers={private_users}
DevicePolicy=closed
NoNewPrivileges=yes
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
LockPersonality=yes
MemoryDenyWriteExecute=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"
    )
}

fn writes_shown(writes: &[PathBuf]) -> String {
    let shown: Vec<_> = writes
        .iter()
        .map(|path| format!("'{}'", path.display()))
        .collect();
    shown.join(" ")
}

/// Returns whether anything of the setup is in one of these folders, which would then be hidden.
fn lies_in(setup: &Setup, folders: &[&str]) -> bool {
    setup
        .writes
        .iter()
        .chain(&setup.reads)
        .chain(&setup.config)
        .chain([&setup.program])
        .any(|path| folders.iter().any(|folder| path.starts_with(folder)))
}

/// Returns a path for a command line in a unit file, where a dollar starts a variable.
fn quoted(path: &Path) -> String {
    quote(&path.display().to_string().replace('$', "$$"))
}

/// Returns a value with its specifiers escaped, and in quotes if needed.
fn quote(text: &str) -> String {
    let text = text.replace('%', "%%");
    if text
        .chars()
        .all(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\' | ';'))
    {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::config::Sources;

    fn setup() -> Setup {
        Setup {
            program: "/usr/local/bin/morelia".into(),
            config: Some("/etc/morelia/morelia.ini".into()),
            user: "morelia".to_owned(),
            writes: vec!["/var/lib/morelia".into()],
            reads: Vec::new(),
            port: 8000,
            connections: 1024,
            shutdown_timeout: Duration::from_secs(5),
        }
    }

    #[test]
    fn unit_follows_the_setup() {
        let usual = unit(&setup());
        assert!(usual.contains(
            "\nExecStart=/usr/local/bin/morelia --config /etc/morelia/morelia.ini serve\n"
        ));
        assert!(usual.contains("\nReadWritePaths=-/var/lib/morelia\n"));
        assert!(usual.contains("\nTimeoutStopSec=15\n"));
        assert!(usual.contains("\nLimitNOFILE=1280\n"));
        assert!(usual.contains("\nRestartPreventExitStatus=78\n"));
        assert!(usual.contains("\nProtectHome=yes\n"));
        assert!(usual.contains("\nAmbientCapabilities=\n"));

        let loaded = Sources::of_process(Some("morelia.ini.example".into()), Vec::new()).load();
        let elsewhere = Setup::of(&loaded.unwrap(), Some(Path::new("/opt/morelia"))).unwrap();
        assert!(unit(&elsewhere).contains("\nExecStart=/opt/morelia --config "));

        let low = unit(&Setup {
            port: 443,
            ..setup()
        });
        assert!(low.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"));
        assert!(low.contains("\nPrivateUsers=no\n"));

        let home = unit(&Setup {
            writes: vec!["/home/anna/my chat".into()],
            ..setup()
        });
        assert!(home.contains("\nReadWritePaths=\"-/home/anna/my chat\"\n"));
        assert!(home.contains("\nProtectHome=read-only\n"));
    }

    #[test]
    fn paths_are_quoted_for_systemd() {
        let cases = [
            ("/plain", "/plain"),
            ("/100%", "/100%%"),
            ("/$a", "/$$a"),
            ("/a b", "\"/a b\""),
            ("/a\"b", "\"/a\\\"b\""),
        ];
        for (path, expected) in cases {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }

    #[test]
    fn exposure_is_at_most_one_and_a_half() {
        let folder = tempfile::tempdir().unwrap();
        for (name, setup) in [
            ("usual", setup()),
            (
                "low",
                Setup {
                    port: 443,
                    ..setup()
                },
            ),
        ] {
            let path = folder.path().join(format!("{name}.service"));
            std::fs::write(&path, unit(&setup)).unwrap();
            let run = Command::new("systemd-analyze")
                .args(["security", "--offline=true", "--no-pager"])
                .arg(&path)
                .output();
            let Ok(output) = run else {
                println!("skipped: there is no systemd-analyze on this machine");
                return;
            };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let exposure: f64 = text
                .lines()
                .find_map(|line| {
                    line.split_once("Overall exposure level for ")?
                        .1
                        .split(": ")
                        .nth(1)
                })
                .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .unwrap_or_else(|| panic!("no exposure: {output:?}"));
            println!("{name}: {exposure}");
            assert!(exposure <= 1.5, "{name}: {text}");
        }
    }
}
