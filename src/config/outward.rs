//! `[push]`, `[outbound]` and `[alerts]`: what may leave the server, and where to.

use super::addresses::IpNetwork;
use super::units::DAY;
use super::words::PushContent;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// `[push]`: notifications for devices on which no client runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Whether devices can ask to be notified. Default: they can.
    pub enabled: bool,
    /// Whom a push service may write to, `mailto:` or `https:`. Default: `admin` at the public host.
    pub contact: Option<String>,
    /// What a notification says of a message unless a person chose otherwise. Default names.
    pub content: PushContent,
    /// How long a push service keeps what it cannot deliver. Default 1 day.
    pub ttl: Duration,
    /// Notifications that may wait in memory. Default 1000.
    pub queue: usize,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            enabled: true,
            contact: None,
            content: PushContent::Names,
            ttl: DAY,
            queue: 1000,
        }
    }
}

/// `[outbound]`: requests to other servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    /// PEM file of more certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// The proxy by which everything goes.
    pub proxy: Option<String>,
    /// Which private addresses may be connected to. Default: none.
    pub allow_private: AllowPrivate,
}

/// `[alerts]`: telling the operator when something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alerts {
    /// Where to. Default: nowhere.
    pub url: Option<String>,
    /// How often the same trouble is told at most. Default 1 day.
    pub every: Duration,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            url: None,
            every: DAY,
        }
    }
}

/// Which private addresses requests may go to whose address a member gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowPrivate {
    /// None.
    #[default]
    Off,
    /// These.
    List(Vec<Destination>),
    /// All.
    On,
}

/// A destination of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Every port of a network.
    Network(IpNetwork),
    /// One port of an address.
    Port(SocketAddr),
}

impl AllowPrivate {
    /// Reads `off`, `on` or a list.
    ///
    /// # Errors
    /// A sentence's end naming what is no network and no address with a port.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "off" | "false" | "no" | "0" | "" => return Ok(Self::Off),
            "on" | "true" | "yes" | "1" => return Ok(Self::On),
            _ => {}
        }
        super::addresses::list(text, destination).map(Self::List)
    }
}

impl fmt::Display for AllowPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On => f.write_str("on"),
            Self::List(list) => {
                let shown: Vec<String> = list
                    .iter()
                    .map(|one| match one {
                        Destination::Network(network) => network.to_string(),
                        Destination::Port(address) => address.to_string(),
                    })
                    .collect();
                f.write_str(&shown.join(", "))
            }
        }
    }
}

fn destination(text: &str) -> Result<Destination, String> {
    if let Ok(address) = text.parse::<SocketAddr>()
        && address.port() != 0
    {
        return Ok(Destination::Port(address));
    }
    IpNetwork::read(text)
        .map(Destination::Network)
        .map_err(|_| {
            format!(
                "`{text}` is not off, on, a network such as 192.168.1.0/24 or an address with its port \
                 such as 192.168.1.7:2586"
            )
        })
}

/// Reads the address of a proxy: `http://`, host and port.
pub(super) fn proxy(text: &str) -> Result<String, String> {
    let read = super::addresses::public_url(text).ok();
    read.filter(|url| url.starts_with("http://"))
        .ok_or_else(|| format!("`{text}` is not the address of a proxy such as http://host:3128"))
}

/// Reads an address that something is posted to.
pub(super) fn hook_url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = text.chars().all(|c| c.is_ascii_graphic());
    let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', ':']));
    if plain && has_host && text.len() <= 2048 {
        Ok(text.to_owned())
    } else {
        Err("this is not an address such as https://ntfy.example.org/topic".to_owned())
    }
}

/// Reads whom others may write to: `mailto:` with an address of mail, or `https://`.
pub(super) fn contact(text: &str) -> Result<String, String> {
    let is_mail = text
        .strip_prefix("mailto:")
        .and_then(|mail| mail.split_once('@'))
        .is_some_and(|(name, host)| !name.is_empty() && is_host(host));
    let is_page = text
        .strip_prefix("https://")
        .is_some_and(|rest| is_host(rest.split('/').next().unwrap_or_default()));
    let plain = text.chars().all(|c| c.is_ascii_graphic());
    if plain && (is_mail || is_page) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not an address such as mailto:admin@example.org or https://example.org/contact"
        ))
    }
}

fn is_host(host: &str) -> bool {
    host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && !host.contains('@')
        || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_destinations_are_networks_and_ports() {
        let shown = |text: &str| AllowPrivate::read(text).map(|it| it.to_string());
        assert_eq!(shown("off").unwrap(), "off");
        assert_eq!(shown("ON").unwrap(), "on");
        assert_eq!(
            shown("192.168.1.0/24, 127.0.0.1:2586 [::1]:80,10.0.0.1").unwrap(),
            "192.168.1.0/24, 127.0.0.1:2586, [::1]:80, 10.0.0.1"
        );
        for wrong in ["ntfy", "127.0.0.1:0", "10.0.0.0/33", "maybe"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn contacts_are_addresses() {
        for right in [
            "mailto:a@b.example",
            "https://b.example/x",
            "https://b.example",
        ] {
            assert!(contact(right).is_ok(), "{right}");
        }
        for wrong in [
            "a@b.example",
            "mailto:a",
            "mailto:@b.c",
            "http://b.example",
            "mailto:a@localhost",
        ] {
            assert!(contact(wrong).is_err(), "{wrong}");
        }
    }
}
