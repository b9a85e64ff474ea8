//! What must be on a disk after a power cut, and whether it is.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
};

use rusqlite::{Connection, Error};
use sha2::{Digest, Sha256};

use super::load::{Asked, Load};
use super::trace::Trace;

/// What was found on a disk.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Events before the cut, and which of the disks that it could have left.
    pub(super) cut: usize,
    pub(super) variant: usize,
    /// Writes that had not been synced.
    pub(super) unsynced: usize,
    /// Acknowledged changes that are not there.
    pub(super) lost: usize,
    /// Deleted texts that are there again.
    pub(super) returned: usize,
    /// The first of these.
    pub(super) example: Option<String>,
    /// What is wrong with the file itself.
    pub(super) damage: Option<String>,
}

impl Verdict {
    pub(super) fn is_good(&self) -> bool {
        self.lost == 0 && self.returned == 0 && self.damage.is_none()
    }

    fn lost(&mut self, what: impl FnOnce() -> String) {
        self.lost += 1;
        self.example.get_or_insert_with(what);
    }

    fn returned(&mut self, what: impl FnOnce() -> String) {
        self.returned += 1;
        self.example.get_or_insert_with(what);
    }
}

/// A change that was acknowledged.
#[derive(Debug, Clone)]
enum Done {
    Sent {
        uuid: u128,
        word: String,
        has_picture: bool,
    },
    Edited {
        uuid: u128,
        version: u32,
    },
    Deleted {
        uuid: u128,
    },
    Registered {
        login: String,
        token: Vec<u8>,
    },
}

/// What a message must be at least.
#[derive(Debug)]
struct Message {
    word: String,
    version: u32,
    has_picture: bool,
    is_deleted: bool,
}

/// What has been acknowledged at one moment of the record, which only goes forward.
pub(super) struct Expected {
    /// All of the record, with the event at which it was acknowledged.
    done: Vec<(usize, Done)>,
    /// Messages that somebody asked to delete at some time, which may be gone before the answer.
    doomed: HashSet<u128>,
    taken: usize,
    messages: HashMap<u128, Message>,
    people: Vec<(String, Vec<u8>)>,
}

impl Expected {
    pub(super) fn of(load: &Load, trace: &Trace) -> Self {
        let mut done = Vec::new();
        let mut doomed = HashSet::new();
        for (port, asked) in &load.asked {
            doomed.extend(asked.iter().filter_map(|asked| match asked {
                Asked::Delete { uuid } => Some(id(uuid)),
                _ => None,
            }));
            let answers = trace.answers.get(port).map_or(&[][..], Vec::as_slice);
            for (asked, answer) in asked.iter().zip(answers) {
                let data = &answer.frame["data"];
                let code = answer.frame["errors"]["code"].as_u64();
                if code == Some(503) {
                    continue;
                }
                assert!(
                    matches!(code, Some(200 | 201)),
                    "{asked:?}: {:?}",
                    answer.frame
                );
                let text = |list: &str, key: &str| data[list][0][key].as_str().expect("text");
                let what = match asked.clone() {
                    Asked::Send { word, has_picture } => Done::Sent {
                        uuid: id(text("message", "uuid")),
                        word,
                        has_picture,
                    },
                    Asked::Edit { uuid, version } => Done::Edited {
                        uuid: id(&uuid),
                        version,
                    },
                    Asked::Delete { uuid } => Done::Deleted { uuid: id(&uuid) },
                    Asked::Register { login } => Done::Registered {
                        login,
                        token: Sha256::digest(text("user", "auth_id")).to_vec(),
                    },
                    Asked::Other => continue,
                };
                done.push((answer.at, what));
            }
        }
        done.sort_by_key(|(at, _)| *at);
        Self {
            done,
            doomed,
            taken: 0,
            messages: HashMap::new(),
            people: Vec::new(),
        }
    }

    /// How many changes have been acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.taken
    }

    /// Takes in what was acknowledged before an event.
    pub(super) fn until(&mut self, end: usize) {
        while let Some((_, done)) = self.done.get(self.taken).filter(|(at, _)| *at < end) {
            match done.clone() {
                Done::Sent {
                    uuid,
                    word,
                    has_picture,
                } => {
                    let message = Message {
                        word,
                        version: 0,
                        has_picture,
                        is_deleted: false,
                    };
                    self.messages.insert(uuid, message);
                }
                Done::Edited { uuid, version } => {
                    let message = self.messages.get_mut(&uuid).expect("sent before");
                    message.version = message.version.max(version);
                }
                Done::Deleted { uuid } => {
                    self.messages
                        .get_mut(&uuid)
                        .expect("sent before")
                        .is_deleted = true;
                }
                Done::Registered { login, token } => self.people.push((login, token)),
            }
            self.taken += 1;
        }
    }

    /// Examines a disk.
    pub(super) fn judge(&self, database: &Path) -> Verdict {
        let mut verdict = Verdict::default();
        if let Err(error) = self.examine(database, &mut verdict) {
            verdict.damage = Some(error.to_string());
        }
        verdict
    }

    fn examine(&self, database: &Path, verdict: &mut Verdict) -> Result<(), Error> {
        let conn = Connection::open(database)?;
        // Alone, it keeps the index of the log in its own memory.
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let dangling = conn.prepare("PRAGMA foreign_key_check")?.exists([])?;
        if sound != "ok" || dangling {
            verdict.damage = Some(format!("{sound}, dangling references: {dangling}"));
        }
        let (words, txns) = (words(&conn)?, txns(&conn)?);
        let found = messages(&conn)?;
        for (uuid, message) in &self.messages {
            let Message { word, version, .. } = message;
            let Some(row) = found.get(uuid) else {
                verdict.lost(|| format!("message {word} is gone"));
                continue;
            };
            if !txns.contains(word) {
                verdict.lost(|| format!("the txn of {word} is gone"));
            }
            if row.is_deleted {
                if !self.doomed.contains(uuid) {
                    verdict.lost(|| format!("{word} is deleted"));
                }
                continue;
            }
            if message.is_deleted {
                verdict.returned(|| format!("{word} is back: {:?}", row.text));
                continue;
            }
            let shown = row.text.strip_prefix(word.as_str());
            let shown = shown.and_then(|rest| rest.strip_prefix('v')?.split(' ').next());
            let shown: Option<u32> = shown.and_then(|number| number.parse().ok());
            if shown.is_none_or(|shown| shown < *version) {
                verdict.lost(|| format!("{word} is not of version {version}: {:?}", row.text));
            }
            let picture = format!("{word}v{}!", shown.unwrap_or(0));
            if message.has_picture && !row.picture.starts_with(picture.as_bytes()) {
                verdict.lost(|| format!("{word} has another picture"));
            }
        }
        for message in self.messages.values() {
            let Message { word, version, .. } = message;
            // Every version of a deleted message, and those before the present one.
            let all = words.range(format!("{word}v")..format!("{word}w"));
            for found in all.filter(|it| message.is_deleted || is_older(it, word, *version)) {
                verdict.returned(|| format!("{found} is found"));
            }
        }
        for (login, token) in &self.people {
            let there: bool = conn
                .prepare_cached(
                    "SELECT 1 FROM users u JOIN sessions s ON s.user_id = u.id
                     WHERE u.login = ?1 AND s.token_hash = ?2",
                )?
                .exists((login, token))?;
            if !there {
                verdict.lost(|| format!("{login} is gone"));
            }
        }
        Ok(())
    }
}

fn is_older(found: &str, word: &str, version: u32) -> bool {
    let number = found
        .strip_prefix(word)
        .and_then(|rest| rest.strip_prefix('v'));
    number
        .and_then(|number| number.parse().ok())
        .is_some_and(|found: u32| found < version)
}

fn id(text: &str) -> u128 {
    text.parse().expect("an id")
}

/// A message as it is stored.
struct Row {
    text: String,
    is_deleted: bool,
    picture: Vec<u8>,
}

fn messages(conn: &Connection) -> Result<HashMap<u128, Row>, Error> {
    let mut statement = conn.prepare(
        "SELECT m.uuid, m.text, m.deleted_at IS NOT NULL, COALESCE(substr(f.content, 1, 40), x'')
         FROM messages m LEFT JOIN attachments mf ON mf.message_id = m.id
         LEFT JOIN files f ON f.id = mf.file_id",
    )?;
    let rows = statement.query_map([], |row| {
        let picture: Vec<u8> = row.get(3)?;
        Ok((
            u128::from_be_bytes(row.get(0)?),
            Row {
                text: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                is_deleted: row.get(2)?,
                picture,
            },
        ))
    })?;
    rows.collect()
}

/// All words that the search knows, without the flow that each begins with. Those that leave the index
/// before anybody searches do not count.
fn words(conn: &Connection) -> Result<BTreeSet<String>, Error> {
    conn.execute_batch(
        "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, message_search, 'row')",
    )?;
    let mut outdated = conn.prepare("SELECT terms FROM message_search_outdated")?;
    let outdated: Vec<String> = outdated
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let outdated: BTreeSet<&str> = outdated.iter().flat_map(|it| it.split(' ')).collect();
    let mut statement = conn.prepare("SELECT term FROM temp.vocabulary")?;
    let mut rows = statement.query([])?;
    let mut words = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let term: String = row.get(0)?;
        if !outdated.contains(term.as_str()) {
            let digits = usize::from(term.as_bytes()[0] - b'a');
            words.insert(term[1 + digits..].to_owned());
        }
    }
    Ok(words)
}

fn txns(conn: &Connection) -> Result<HashSet<String>, Error> {
    let mut statement = conn.prepare("SELECT txn FROM txns")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
