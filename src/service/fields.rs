//! Size limits of the fields of accounts and flows, and the form of email addresses.

use super::settings::{MAX_AVATAR_BYTES, MAX_EMAIL_BYTES, MAX_INFO_BYTES, MAX_NAME_CHARS};
use super::{Field, Refusal, ServiceError};
use crate::model::Content;

/// Checks that an email address is plausible: a local part, `@`, a domain, no spaces.
pub(super) fn check_email(email: Option<&str>) -> Result<(), ServiceError> {
    let Some(email) = email else { return Ok(()) };
    let sound = email.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !local.contains('@')
            && !domain.is_empty()
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains("..")
            && domain.contains('.')
    });
    let plain = !email
        .contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c));
    if sound && plain && email.len() <= MAX_EMAIL_BYTES {
        Ok(())
    } else {
        Err(Refusal::BadEmail.into())
    }
}

/// Checks the length of a username or title.
pub(super) fn check_name(what: Field, name: Option<&str>) -> Result<(), ServiceError> {
    match name {
        Some(name) if name.chars().count() > MAX_NAME_CHARS => Err(Refusal::TooLarge {
            what,
            limit: MAX_NAME_CHARS,
        }
        .into()),
        _ => Ok(()),
    }
}

/// Checks the length of a bio or info.
pub(super) fn check_info(what: Field, info: Option<&str>) -> Result<(), ServiceError> {
    match info {
        Some(info) if info.len() > MAX_INFO_BYTES => Err(Refusal::TooLarge {
            what,
            limit: MAX_INFO_BYTES,
        }
        .into()),
        _ => Ok(()),
    }
}

/// Checks the size of a picture.
pub(super) fn check_avatar(avatar: Option<&Content>) -> Result<(), ServiceError> {
    match avatar {
        Some(avatar) if avatar.bytes.len() > MAX_AVATAR_BYTES => Err(Refusal::TooLarge {
            what: Field::Avatar,
            limit: MAX_AVATAR_BYTES,
        }
        .into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in [
            "anna@example.com",
            "a.b+c@xn--80ak6aa92e.com",
            "анна@почта.рф",
        ] {
            assert!(check_email(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "a@b@example.com",
            "a b@example.com",
            "a@.com",
            "a@b",
        ] {
            assert!(check_email(Some(bad)).is_err(), "{bad}");
        }
        assert!(check_email(Some(&format!("{}@example.com", "a".repeat(250)))).is_err());
    }
}
