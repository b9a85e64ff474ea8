//! What a certificate says: as much of X.509 as is asked of it here.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const OWN_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];

/// Tags of names inside of extensions.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The first second at which it is good, since 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// The common name of whom it is for.
    pub subject: String,
    /// The common name of who signed it.
    pub issuer: String,
    /// The host names that it is good for.
    pub names: Vec<String>,
    /// The addresses that it is good for.
    pub addresses: Vec<IpAddr>,
    /// Its serial number, as DER has it.
    pub serial: Vec<u8>,
    /// Names its own key.
    pub own_key: Option<Vec<u8>>,
    /// Names the key that signed it.
    pub authority_key: Option<Vec<u8>>,
    /// The host names that certificates below this one may be for, and whether that is critical.
    pub permitted: Option<(Vec<String>, bool)>,
}

impl Facts {
    /// Reads a certificate in DER. Source: RFC 5280, 4.1.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let (_, certificate, _) = element(der)?;
        let (_, mut fields, _) = element(certificate)?;
        if element(fields)?.0 == VERSION {
            fields = element(fields)?.2;
        }
        let (_, serial, fields) = element(fields)?;
        let (_, _signature, fields) = element(fields)?;
        let (_, issuer, fields) = element(fields)?;
        let (tag, validity, fields) = element(fields)?;
        if tag != SEQUENCE {
            return None;
        }
        let (tag, begins, rest) = element(validity)?;
        let not_before = time(tag, std::str::from_utf8(begins).ok()?)?;
        let (tag, ends, _) = element(rest)?;
        let not_after = time(tag, std::str::from_utf8(ends).ok()?)?;
        let (_, subject, fields) = element(fields)?;
        let (_, _key, mut fields) = element(fields)?;
        let mut facts = Self {
            not_before,
            not_after,
            subject: common_name(subject).unwrap_or_default(),
            issuer: common_name(issuer).unwrap_or_default(),
            serial: serial.to_vec(),
            ..Self::default()
        };
        while let Some((tag, content, rest)) = element(fields) {
            if tag == EXTENSIONS {
                let (_, mut extensions, _) = element(content)?;
                while let Some((_, extension, more)) = element(extensions) {
                    facts.take_extension(extension)?;
                    extensions = more;
                }
            }
            fields = rest;
        }
        Some(facts)
    }

    /// Reads the first certificate of a PEM file, which is the server's own.
    #[must_use]
    pub fn of_pem(pem: &str) -> Option<Self> {
        Self::of_der(&der_of_pem(pem)?)
    }

    /// Tells whether it is good for a host: by its name, by one with `*` for the first part, or as an
    /// address.
    #[must_use]
    pub fn fits(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let rest = host.split_once('.').map(|(_, rest)| rest);
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            name == host || name.strip_prefix("*.").is_some_and(|it| Some(it) == rest)
        })
    }

    /// How much of its life is left at a time, as a part of all; negative when it is over.
    #[must_use]
    pub fn left(&self, now: i64) -> f64 {
        let life = (self.not_after - self.not_before).max(1);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a part of some seconds needs no more digits"
        )]
        let left = (self.not_after - now) as f64 / life as f64;
        left
    }

    fn take_extension(&mut self, extension: &[u8]) -> Option<()> {
        let (_, id, rest) = element(extension)?;
        let (mut tag, mut content, rest) = element(rest)?;
        let mut critical = false;
        if tag == BOOLEAN {
            critical = content.first().is_some_and(|byte| *byte != 0);
            (tag, content, _) = element(rest)?;
        }
        if tag != OCTETS {
            return Some(());
        }
        match id {
            ALTERNATIVE_NAMES => {
                let (_, mut names, _) = element(content)?;
                while let Some((tag, name, rest)) = element(names) {
                    match tag {
                        DNS_NAME => self.names.extend(text(name)),
                        IP_ADDRESS => self.addresses.extend(address(name)),
                        _ => {}
                    }
                    names = rest;
                }
            }
            OWN_KEY => self.own_key = element(content).map(|(_, key, _)| key.to_vec()),
            AUTHORITY_KEY => {
                let (_, fields, _) = element(content)?;
                if let Some((0x80, key, _)) = element(fields) {
                    self.authority_key = Some(key.to_vec());
                }
            }
            NAME_CONSTRAINTS => {
                let (_, fields, _) = element(content)?;
                let mut names = Vec::new();
                if let Some((0xa0, mut subtrees, _)) = element(fields) {
                    while let Some((_, subtree, rest)) = element(subtrees) {
                        if let Some((DNS_NAME, name, _)) = element(subtree) {
                            names.extend(text(name));
                        }
                        subtrees = rest;
                    }
                }
                self.permitted = Some((names, critical));
            }
            _ => {}
        }
        Some(())
    }
}

/// The content of the first certificate of a PEM file.
#[must_use]
pub fn der_of_pem(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let text: String = body.split_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// SHA-256 of a certificate in hexadecimal, as other programs show it when the groups are left away.
#[must_use]
pub fn fingerprint(der: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(der) {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// A fingerprint as people compare it: in groups of four.
#[must_use]
pub fn grouped(fingerprint: &str) -> String {
    let mut text = String::new();
    for (place, sign) in fingerprint.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push(' ');
        }
        text.push(sign);
    }
    text
}

fn common_name(mut name: &[u8]) -> Option<String> {
    while let Some((_, set, rest)) = element(name) {
        let (_, pair, _) = element(set)?;
        let (_, kind, value) = element(pair)?;
        if kind == COMMON_NAME {
            return text(element(value)?.1);
        }
        name = rest;
    }
    None
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

/// Splits the first element of DER off: its tag, its content, the rest.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes.iter().try_fold(0_usize, |length, byte| {
            length.checked_mul(256)?.checked_add(usize::from(*byte))
        })?;
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `UTCTime` with two digits of the year, or `GeneralizedTime` with four, in seconds since 1970.
fn time(tag: u8, text: &str) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    let text = text.strip_suffix('Z')?;
    let full = match tag {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => text.to_owned(),
    };
    let number = |from: usize, to: usize| full.get(from..to)?.parse::<i32>().ok();
    let month = u8::try_from(number(4, 6)?).ok()?;
    let day = time::Date::from_calendar_date(
        number(0, 4)?,
        time::Month::try_from(month).ok()?,
        u8::try_from(number(6, 8)?).ok()?,
    )
    .ok()?;
    let part = |from, to| number(from, to).and_then(|n| u8::try_from(n).ok());
    let at = day
        .with_hms(part(8, 10)?, part(10, 12)?, part(12, 14)?)
        .ok()?
        .assume_utc();
    Some(at.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds_are_read() {
        assert_eq!(time(0x17, "261122174503Z"), Some(1_795_369_503));
        assert_eq!(time(0x18, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(0x17, "991231235959Z"), Some(946_684_799));
        assert_eq!(time(0x17, "2611221745"), None);
        assert_eq!(time(0x18, "20261322174503Z"), None);
    }

    #[test]
    fn a_real_certificate_is_read() {
        let pem = include_str!("../../tests/tls/server.pem");
        let der = der_of_pem(pem).unwrap();
        let facts = Facts::of_der(&der).unwrap();
        assert!(facts.not_after > 1_790_000_000, "{facts:?}");
        assert!(facts.not_before < facts.not_after, "{facts:?}");
        assert!(facts.fits("localhost"), "{facts:?}");
        assert!(!facts.fits("example.org"), "{facts:?}");
        // Cut anywhere, it is refused and nothing else happens.
        for length in 0..der.len() / 2 {
            let _ = Facts::of_der(&der[..length]);
        }
    }

    #[test]
    fn hosts_fit_as_browsers_see_it() {
        let facts = Facts {
            names: vec!["*.example.org".to_owned(), "Pi.local".to_owned()],
            addresses: vec!["192.168.1.7".parse().unwrap()],
            ..Facts::default()
        };
        for (host, fits) in [
            ("chat.example.org", true),
            ("a.chat.example.org", false),
            ("example.org", false),
            ("pi.local.", true),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
        ] {
            assert_eq!(facts.fits(host), fits, "{host}");
        }
    }

    #[test]
    fn fingerprints_are_grouped_by_four() {
        let found = fingerprint(b"x");
        assert_eq!(found.len(), 64);
        assert_eq!(grouped(&found).split(' ').count(), 16);
        assert!(grouped(&found).starts_with("2D71 1642 "), "{found}");
    }
}
