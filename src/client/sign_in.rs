//! Sign-ins stored between two commands: one file per server, readable only by its owner.

use std::{
    env, fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Address, ClientError};

/// A user's identity on one server, as returned by `authentication`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The login that was used.
    pub login: String,
    /// The user's id, decimal text.
    pub uuid: String,
    /// The session's token; never printed.
    pub auth_id: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("login", &self.login)
            .field("uuid", &self.uuid)
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Reads the identity from the `data` of an answer to `authentication` or `register_user`.
    #[must_use]
    pub fn from_data(login: &str, data: &Value) -> Option<Self> {
        let user = data.get("user")?.get(0)?;
        Some(Self {
            login: login.to_owned(),
            uuid: user.get("uuid")?.as_str()?.to_owned(),
            auth_id: user.get("auth_id")?.as_str()?.to_owned(),
        })
    }

    /// Returns the sign-in stored for a server: that of a login, or the last one.
    ///
    /// # Errors
    /// [`ClientError::NotSignedIn`] if there is none, [`ClientError::State`] if it cannot be read.
    pub fn load(address: &Address, login: Option<&str>) -> Result<Self, ClientError> {
        load_from(&folder()?, address, login)
    }

    /// Stores the sign-in for a server, replacing an earlier one of the login; returns the path.
    ///
    /// # Errors
    /// [`ClientError::State`] if the folder or file cannot be written.
    pub fn keep(&self, address: &Address) -> Result<PathBuf, ClientError> {
        self.keep_in(&folder()?, address)
    }

    fn keep_in(&self, folder: &Path, address: &Address) -> Result<PathBuf, ClientError> {
        let path = folder.join(file_name(address));
        let mut kept = read(&path)?;
        kept.retain(|other| other.login != self.login);
        kept.insert(0, self.clone());
        let kept: Vec<Value> = kept
            .iter()
            .map(|one| json!({"login": one.login, "uuid": one.uuid, "auth_id": one.auth_id}))
            .collect();
        let text = json!({"url": address.to_string(), "sign_ins": kept});
        write_private(folder, &path, &format!("{text:#}\n")).map_err(|cause| {
            ClientError::State {
                path: path.clone(),
                cause,
            }
        })?;
        Ok(path)
    }
}

fn load_from(folder: &Path, address: &Address, login: Option<&str>) -> Result<SignIn, ClientError> {
    let kept = read(&folder.join(file_name(address)))?;
    let wanted = |one: &SignIn| login.is_none_or(|login| one.login == login);
    kept.into_iter()
        .find(wanted)
        .ok_or_else(|| ClientError::NotSignedIn {
            address: address.to_string(),
        })
}

/// Reads the sign-ins stored in a file, the last one first. A missing file contains none.
fn read(path: &Path) -> Result<Vec<SignIn>, ClientError> {
    let state = |cause| ClientError::State {
        path: path.to_owned(),
        cause,
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(state(cause)),
    };
    let value: Value = serde_json::from_str(&text).map_err(|cause| state(cause.into()))?;
    let sign_in = |value: &Value| {
        let field = |key: &str| value[key].as_str().map(str::to_owned);
        Some(SignIn {
            login: field("login")?,
            uuid: field("uuid")?,
            auth_id: field("auth_id")?,
        })
    };
    let kept = value["sign_ins"].as_array();
    let kept = kept.and_then(|kept| kept.iter().map(sign_in).collect());
    kept.ok_or_else(|| {
        state(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is damaged; remove it and sign in again",
        ))
    })
}

/// Returns `$XDG_STATE_HOME/morelia`, or else `~/.local/state/morelia`; a relative XDG path is
/// ignored, as its specification requires.
fn folder() -> Result<PathBuf, ClientError> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("morelia"))
        .ok_or(ClientError::NoStateFolder)
}

/// Returns the URL with everything percent-encoded except letters, digits, dots and hyphens, so
/// that no two servers share a file.
fn file_name(address: &Address) -> String {
    let mut name = String::new();
    for byte in address.to_string().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.push(hex(byte >> 4));
            name.push(hex(byte & 15));
        }
    }
    name + ".json"
}

/// Returns the upper-case hexadecimal digit of a number below 16.
fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// Writes to a temporary file and renames it, so that a reader never sees an incomplete file.
fn write_private(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let beside = folder.join(format!(".{}.new", std::process::id()));
    // A file left by a process that died with the same id may have another mode.
    match fs::remove_file(&beside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn a_sign_in_is_read_back_and_readable_by_its_owner_only() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("state/morelia");
        let kept = SignIn {
            login: "Анна".to_owned(),
            uuid: "12".to_owned(),
            auth_id: "secret".to_owned(),
        };
        let path = kept.keep_in(&folder, &address("localhost")).expect("kept");
        assert_eq!(
            load_from(&folder, &address("localhost:8000"), None).expect("read"),
            kept
        );
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&folder), 0o700);
        assert!(!format!("{kept:?}").contains("secret"));
    }

    #[test]
    fn the_last_of_several_sign_ins_is_used_unless_one_is_named() {
        let home = tempfile::tempdir().expect("a folder");
        let address = address("localhost");
        for (login, token) in [("anna", "1"), ("boris", "2"), ("anna", "3"), ("boris", "4")] {
            let kept = SignIn {
                login: login.to_owned(),
                uuid: "12".to_owned(),
                auth_id: token.to_owned(),
            };
            kept.keep_in(home.path(), &address).expect("kept");
        }
        let token = |login| {
            load_from(home.path(), &address, login)
                .map(|kept| kept.auth_id)
                .ok()
        };
        assert_eq!(token(None).as_deref(), Some("4"));
        assert_eq!(token(Some("anna")).as_deref(), Some("3"));
        assert_eq!(token(Some("clara")), None);
    }

    #[test]
    fn servers_do_not_share_a_sign_in() {
        let home = tempfile::tempdir().expect("a folder");
        let kept = SignIn {
            login: "anna".to_owned(),
            uuid: "12".to_owned(),
            auth_id: "secret".to_owned(),
        };
        kept.keep_in(home.path(), &address("localhost:1"))
            .expect("kept");
        for other in ["localhost:2", "wss://localhost:1", "localhost:1/other"] {
            let found = load_from(home.path(), &address(other), None);
            assert!(
                matches!(found, Err(ClientError::NotSignedIn { .. })),
                "{other}"
            );
        }
    }

    #[test]
    fn a_damaged_sign_in_is_said() {
        let home = tempfile::tempdir().expect("a folder");
        let address = address("localhost");
        for text in ["", "{", "{}", "[]", r#"{"sign_ins": [{"login": 1}]}"#] {
            fs::write(home.path().join(file_name(&address)), text).expect("written");
            let found = load_from(home.path(), &address, None);
            assert!(matches!(found, Err(ClientError::State { .. })), "{text:?}");
        }
    }
}
