//! The certificate: readable by whoever asks, fitting its key, and good for how long.

use std::path::Path;
use std::time::Duration;

use base64::Engine;

use super::Finding;
use crate::admin::print::count;
use crate::app;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::model::Timestamp;

const TOPIC: CheckTopic = CheckTopic::Tls;

/// Below this the certificate should have been renewed: Let's Encrypt's are, 30 days before.
const SOON: Duration = Duration::from_hours(14 * 24);

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let Some(certificate) = config.tls.certfile.as_deref() else {
        let text = if config.proxy.trusted.is_empty() {
            "no certificate is configured: the server speaks plain HTTP"
        } else {
            "no certificate is configured: encrypting is the proxy's work"
        };
        return vec![Finding::ok(TOPIC, text)];
    };
    if let Some(Err(err)) = app::check_tls(config) {
        return vec![Finding::fail(
            TOPIC,
            err.to_string(),
            "run this check as the user that the server runs as",
        )];
    }
    vec![
        Finding::ok(TOPIC, "certificate and key can be read and fit each other"),
        validity(certificate),
    ]
}

fn validity(path: &Path) -> Finding {
    let ends = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| first_certificate(&text))
        .and_then(|der| not_after(&der));
    let Some(ends) = ends else {
        return Finding::warn(
            TOPIC,
            format!("how long {} is good cannot be read", path.display()),
            format!("look with `openssl x509 -enddate -in {}`", path.display()),
        );
    };
    let now = Timestamp::now();
    let days = (ends.0 - now.0).div_euclid(86_400_000);
    let day = ends.date_time();
    let remedy = "renew it (`certbot renew`) and send the server SIGHUP";
    if ends < now {
        Finding::fail(TOPIC, format!("the certificate ended at {day} UTC"), remedy)
    } else if ends < now.after(SOON) {
        Finding::warn(
            TOPIC,
            format!("the certificate ends in {}", count(days, "day")),
            remedy,
        )
    } else {
        Finding::ok(
            TOPIC,
            format!("the certificate is good for {} more", count(days, "day")),
        )
    }
}

/// The first certificate of a PEM file, which is the server's own.
fn first_certificate(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let text: String = body.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// When a certificate ends. Source: RFC 5280, 4.1: `Certificate` → `tbsCertificate` → `validity`
/// → `notAfter`.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der)?;
    let (_, mut fields, _) = element(certificate)?;
    if element(fields)?.0 == VERSION {
        fields = element(fields)?.2;
    }
    // Serial number, signature, issuer.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (tag, validity, _) = element(fields)?;
    if tag != SEQUENCE {
        return None;
    }
    let (tag, text, _) = element(element(validity)?.2)?;
    time(tag, std::str::from_utf8(text).ok()?)
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

/// `UTCTime` with two digits of the year, or `GeneralizedTime` with four.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
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
    Some(Timestamp::from_seconds(at.unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds_are_read() {
        let of = |tag, text| time(tag, text).map(Timestamp::seconds);
        assert_eq!(of(0x17, "261122174503Z"), Some(1_795_369_503));
        assert_eq!(of(0x18, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(of(0x17, "991231235959Z"), Some(946_684_799));
        assert_eq!(of(0x17, "2611221745"), None);
        assert_eq!(of(0x18, "20261322174503Z"), None);
    }

    #[test]
    fn the_end_of_a_real_certificate_is_found() {
        let pem = include_str!("../../../tests/tls/server.pem");
        let der = first_certificate(pem).unwrap();
        let ends = not_after(&der).unwrap();
        assert!(ends > Timestamp::from_seconds(1_790_000_000), "{ends:?}");
        // Cut anywhere, it is refused and nothing else happens.
        for length in 0..der.len() / 2 {
            let _ = not_after(&der[..length]);
        }
    }
}
