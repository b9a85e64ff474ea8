//! Encryption of backups in the `age` format: the server knows only public keys; anyone who has one of
//! the secret keys can read the backups.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use age::stream::{StreamReader, StreamWriter};
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor};
use sha2::{Digest as _, Sha256};

use super::{file_error, hex, write_new};
use crate::app::AppError;
use crate::model::Timestamp;

/// The most bytes of a key file that are read.
const MAX_KEYS: u64 = 64 * 1024;

/// The beginning of a secret key's line.
const SECRET: &str = "AGE-SECRET-KEY-1";

/// The number of checksum digits that distinguish one set of public keys from another.
const DIGITS: usize = 16;

/// The public keys to which backups are encrypted.
#[derive(Debug, Clone)]
pub struct Seal(Vec<(String, Recipient)>);

impl Seal {
    /// Reads public keys. `None` if there are none, so that nothing is encrypted.
    ///
    /// # Errors
    /// One of them is not a public key.
    pub fn to(keys: &[String]) -> Result<Option<Self>, AppError> {
        let mut recipients = Vec::new();
        for key in keys {
            let recipient = Recipient::from_str(key).map_err(|_| {
                AppError::Failed(format!(
                    "`{key}` is not a public key such as `morelia backup key FILE` prints (age1…)"
                ))
            })?;
            recipients.push((recipient.to_string(), recipient));
        }
        recipients.sort_by(|(a, _), (b, _)| a.cmp(b));
        recipients.dedup_by(|(a, _), (b, _)| a == b);
        Ok((!recipients.is_empty()).then_some(Self(recipients)))
    }

    /// Returns the public keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Returns a short name that identifies this set of keys.
    pub(super) fn mark(&self) -> String {
        let mut sum = Sha256::new();
        for key in self.keys() {
            sum.update(key);
            sum.update("\n");
        }
        let mut mark = hex(&sum.finalize());
        mark.truncate(DIGITS);
        mark
    }

    /// Returns a writer that encrypts. Its output is complete after [`StreamWriter::finish`].
    pub(super) fn writer<W: Write>(&self, path: &Path, to: W) -> Result<StreamWriter<W>, AppError> {
        let recipients = self.0.iter().map(|(_, key)| key as &dyn age::Recipient);
        Encryptor::with_recipients(recipients)
            .map_err(|err| {
                AppError::Failed(format!("{} cannot be encrypted: {err}", path.display()))
            })?
            .wrap_output(to)
            .map_err(|source| file_error(path, source))
    }

    /// Encrypts a file into a new one, which is on disk when this returns.
    pub(super) fn encrypt(&self, from: &Path, path: &Path, to: File) -> Result<(), AppError> {
        let failed = |source| file_error(path, source);
        let mut source = File::open(from).map_err(|source| file_error(from, source))?;
        let mut writer = self.writer(path, to)?;
        io::copy(&mut source, &mut writer).map_err(failed)?;
        let file = writer.finish().map_err(failed)?;
        file.sync_all().map_err(failed)
    }
}

/// Secret keys.
pub struct Key {
    identities: Vec<Identity>,
    source: String,
}

impl Key {
    /// Reads secret keys from a file as `backup key` or `age-keygen` writes it; `-` is standard input.
    ///
    /// # Errors
    /// The file cannot be read, or contains no secret key.
    pub fn read(path: &Path) -> Result<Self, AppError> {
        let failed = |source| file_error(path, source);
        let mut text = String::new();
        let (read, source) = if path == Path::new("-") {
            let read = io::stdin().take(MAX_KEYS).read_to_string(&mut text);
            (read, "standard input".to_owned())
        } else {
            let file = File::open(path).map_err(failed)?;
            let read = file.take(MAX_KEYS).read_to_string(&mut text);
            (read, path.display().to_string())
        };
        read.map_err(failed)?;
        let lines = text.lines().map(str::trim);
        let identities: Vec<Identity> = lines
            .filter(|line| line.starts_with(SECRET))
            .filter_map(|line| Identity::from_str(line).ok())
            .collect();
        if identities.is_empty() {
            let advice = if text.trim_start().starts_with("age1") {
                "that is a public key, with which backups are made and not opened"
            } else {
                "give the file that `morelia backup key` or `age-keygen` wrote"
            };
            return Err(AppError::Failed(format!(
                "there is no secret key ({SECRET}…) in {source}: {advice}"
            )));
        }
        Ok(Self { identities, source })
    }

    /// Returns a reader that decrypts the encrypted file at `path`, which was made for `owners`.
    pub(super) fn reader<R: Read>(
        &self,
        path: &Path,
        from: R,
        owners: &[String],
    ) -> Result<StreamReader<R>, AppError> {
        let damaged = |err: &DecryptError| {
            AppError::Failed(format!(
                "{} is damaged or not an encrypted backup: {err}",
                path.display()
            ))
        };
        let decryptor = Decryptor::new(from).map_err(|err| damaged(&err))?;
        let identities = self.identities.iter().map(|key| key as &dyn age::Identity);
        decryptor.decrypt(identities).map_err(|err| match err {
            DecryptError::NoMatchingKeys => AppError::Failed(format!(
                "no secret key in {} opens {}: {}",
                self.source,
                path.display(),
                wanted(owners)
            )),
            err => damaged(&err),
        })
    }
}

/// Returns a text that says what opens a backup, and what it means if that is lost.
pub(super) fn wanted(owners: &[String]) -> String {
    let whose = match owners {
        [] => "the secret key that belongs to the public key it was encrypted to".to_owned(),
        [one] => format!("the secret key that belongs to {one}"),
        [first, others @ ..] => format!(
            "a secret key that belongs to {first} or {}",
            others.join(" or ")
        ),
    };
    format!("it takes {whose}; if that key is lost, nobody can open this backup")
}

/// Generates a secret key in a new file that only its owner can read. Returns the public key.
///
/// # Errors
/// The file already exists, or cannot be written.
pub fn make_key(path: &Path) -> Result<String, AppError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(AppError::AlreadyExists(format!(
            "{} is there already; name another file: a key that is overwritten is lost, and with it all \
             backups that it opens",
            path.display()
        )));
    }
    let identity = Identity::generate();
    let public = identity.to_public().to_string();
    let text = format!(
        "# created: {} UTC\n# public key: {public}\n{}\n",
        Timestamp::now().date_time(),
        identity.to_string().expose_secret()
    );
    write_new(path, text.as_bytes())?;
    Ok(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_opens_with_one_of_its_keys_only() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| place.path().join(name);
        let keys: Vec<String> = ["a", "b", "c"]
            .iter()
            .map(|name| make_key(&file(name)).unwrap())
            .collect();
        let seal = Seal::to(&keys[..2]).unwrap().unwrap();
        let content: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        fs::write(file("plain"), &content).unwrap();
        let to = File::create(file("sealed")).unwrap();
        seal.encrypt(&file("plain"), &file("sealed"), to).unwrap();
        let open = |key: &str, bytes: &[u8]| -> Result<Vec<u8>, AppError> {
            let mut read = Vec::new();
            Key::read(&file(key))?
                .reader(&file("sealed"), bytes, &keys[..2])?
                .read_to_end(&mut read)
                .map_err(|source| file_error(&file("sealed"), source))?;
            Ok(read)
        };
        let sealed = fs::read(file("sealed")).unwrap();
        assert_eq!(open("a", &sealed).unwrap(), content);
        assert_eq!(open("b", &sealed).unwrap(), content);
        let refused = open("c", &sealed).unwrap_err().to_string();
        assert!(refused.contains("if that key is lost"), "{refused}");
        assert!(
            refused.contains(&keys[0]) && refused.contains(&keys[1]),
            "{refused}"
        );
        // Changed, truncated, or another file.
        let mut changed = sealed.clone();
        changed[200_000] ^= 1;
        open("a", &changed).unwrap_err();
        open("a", &sealed[..sealed.len() - 10]).unwrap_err();
        open("a", &content).unwrap_err();
        // The order and repetition of keys make no difference to the pool, other keys do.
        let mark = |keys: &[String]| Seal::to(keys).unwrap().unwrap().mark();
        let turned = [keys[1].clone(), keys[0].clone(), keys[0].clone()];
        assert_eq!(mark(&turned), seal.mark());
        assert_ne!(mark(&keys[..1]), seal.mark());
        assert!(Seal::to(&[]).unwrap().is_none());
    }

    #[test]
    fn files_of_keys_are_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("key");
        let public = make_key(&file).unwrap();
        assert!(matches!(make_key(&file), Err(AppError::AlreadyExists(_))));
        Key::read(&file).unwrap();
        fs::write(&file, &public).unwrap();
        let refused = Key::read(&file).err().unwrap().to_string();
        assert!(refused.contains("that is a public key"), "{refused}");
        fs::write(&file, "ssh-ed25519 AAAA").unwrap();
        Key::read(&file).err().unwrap();
        Seal::to(&["age1nonsense".to_owned()]).unwrap_err();
    }
}
