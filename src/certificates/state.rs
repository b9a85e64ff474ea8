//! What is known of the tries to get a certificate, kept over restarts: a server that restarts again
//! and again must not run into the authority's limits.

use serde::{Deserialize, Serialize};

use super::error::CertificateError;
use super::files::Folder;

const FILE: &str = "state.json";
const REQUEST: &str = "renew";

/// What is known of the tries. Times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The names that it is about.
    pub names: Vec<String>,
    /// When it was tried last.
    pub tried_at: Option<i64>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// What the operator can do about it.
    pub remedy: Option<String>,
    /// When it is tried next.
    pub next_at: Option<i64>,
    /// Tries that failed in a row.
    pub failures: u32,
    /// When the authority suggests to renew the present certificate.
    pub suggested_at: Option<i64>,
    /// Until when it is not asked again about that.
    pub ask_at: Option<i64>,
}

impl State {
    /// Reads it. `None`: nothing has been tried. What cannot be understood counts as nothing.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(folder: &Folder) -> Result<Option<Self>, CertificateError> {
        let text = folder.read(FILE)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Writes it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, folder: &Folder) -> Result<(), CertificateError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|err| CertificateError::Made(err.to_string()))?;
        folder.write(FILE, &text)
    }

    /// Has the running server, or the next one, fetch a certificate soon.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn ask_for(folder: &Folder, force: bool) -> Result<(), CertificateError> {
        folder.write(REQUEST, if force { "force" } else { "" })
    }

    /// Takes what was asked for: `Some(true)` when it is to be done whatever there is.
    ///
    /// # Errors
    /// It cannot be read or removed.
    pub fn take_request(folder: &Folder) -> Result<Option<bool>, CertificateError> {
        let asked = folder.read(REQUEST)?;
        if asked.is_some() {
            folder.remove(REQUEST)?;
        }
        Ok(asked.map(|text| text == "force"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_kept_and_nonsense_is_none() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("tls"));
        assert_eq!(State::load(&folder).unwrap(), None);
        let state = State {
            failures: 3,
            next_at: Some(7),
            ..State::default()
        };
        state.save(&folder).unwrap();
        assert_eq!(State::load(&folder).unwrap(), Some(state));
        folder.write(FILE, "{\"failures\": \"many\"").unwrap();
        assert_eq!(State::load(&folder).unwrap(), None);
        assert_eq!(State::take_request(&folder).unwrap(), None);
        State::ask_for(&folder, true).unwrap();
        assert_eq!(State::take_request(&folder).unwrap(), Some(true));
        assert_eq!(State::take_request(&folder).unwrap(), None);
    }
}
