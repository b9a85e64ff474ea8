//! `[tls]`.

use super::{Key, Kind, Section, optional, optional_path, put, show_path, word};
use crate::config::addresses::{host_name, list};
use crate::config::outward::contact;
use crate::config::words::{ClientCert, Word};

/// Names in one certificate.
const MAX_NAMES: usize = 5;

pub(super) const TLS: Section = Section {
    name: "tls",
    about: "Encryption, for https:// and wss:// without a proxy. Of several ways the first that is \
            set is used: certfile, acme, local_ca. The files are read again on SIGHUP, so a renewed \
            certificate needs no restart; switching TLS on or off does. What acme and local_ca make \
            is in the folder tls beside this file.",
    keys: &[
        Key {
            name: "certfile",
            kind: Kind::Text,
            values: "a path; empty for plain HTTP",
            about: "The certificate and its chain, PEM.",
            example: "/etc/letsencrypt/live/chat.example.org/fullchain.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.certfile, optional_path(text, folder)),
            show: |config| show_path(config.tls.certfile.as_ref()),
        },
        Key {
            name: "keyfile",
            kind: Kind::Text,
            values: "a path; needed with certfile",
            about: "The private key, PEM. The user that the server runs as must be able to read it.",
            example: "/etc/letsencrypt/live/chat.example.org/privkey.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.keyfile, optional_path(text, folder)),
            show: |config| show_path(config.tls.keyfile.as_ref()),
        },
        Key {
            name: "ca_certs",
            kind: Kind::Text,
            values: "a path; needed unless cert_reqs is none",
            about: "The authorities whose client certificates are believed, PEM.",
            example: "clients-ca.pem",
            reload: true,
            set: |config, text, folder| put(&mut config.tls.ca_certs, optional_path(text, folder)),
            show: |config| show_path(config.tls.ca_certs.as_ref()),
        },
        Key {
            name: "cert_reqs",
            kind: Kind::Text,
            values: "none, optional or required",
            about: "Whether a client must show a certificate of its own.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.tls.cert_reqs, ClientCert::read(text)),
            show: |config| word(config.tls.cert_reqs),
        },
        Key {
            name: "acme",
            kind: Kind::Text,
            values: "up to 5 host names, with commas between; empty for none",
            about: "Names for which the server fetches a certificate from Let's Encrypt, and renews it. \
                    Each name must lead to this machine, on port 80 (set http_port = 80) or 443 (set \
                    port = 443).",
            example: "chat.example.org",
            reload: false,
            set: |config, text, _| put(&mut config.tls.acme, acme_names(text)),
            show: |config| config.tls.acme.join(", "),
        },
        Key {
            name: "acme_contact",
            kind: Kind::Text,
            values: "mailto: and an address; empty for none",
            about: "Where the authority may write to about the certificate.",
            example: "mailto:admin@example.org",
            reload: false,
            set: |config, text, _| put(&mut config.tls.acme_contact, optional(text, contact)),
            show: |config| config.tls.acme_contact.clone().unwrap_or_default(),
        },
        Key {
            name: "acme_directory",
            kind: Kind::Text,
            values: "production, staging or an https:// address",
            about: "The authority. production is Let's Encrypt; staging is its authority for trying \
                    things out, whose certificates no browser accepts.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.tls.acme_directory, acme_directory(text)),
            show: |config| config.tls.acme_directory.clone(),
        },
        Key {
            name: "acme_ca",
            kind: Kind::Text,
            values: "a path; empty for the usual authorities",
            about: "The root certificate of a private authority's own server, PEM.",
            example: "acme-root.pem",
            reload: false,
            set: |config, text, folder| put(&mut config.tls.acme_ca, optional_path(text, folder)),
            show: |config| show_path(config.tls.acme_ca.as_ref()),
        },
        Key {
            name: "acme_terms",
            kind: Kind::Text,
            values: "agreed, or empty",
            about: "That you agree to the authority's terms of use (Let's Encrypt: \
                    https://letsencrypt.org/repository). acme needs it.",
            example: "agreed",
            reload: false,
            set: |config, text, _| put(&mut config.tls.acme_terms, agreed(text)),
            show: |config| {
                if config.tls.acme_terms {
                    "agreed".to_owned()
                } else {
                    String::new()
                }
            },
        },
        Key {
            name: "local_ca",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether the server makes certificates by an authority of its own, for a home \
                    without a domain. Each device has to trust the authority once: /trust shows how. \
                    The authority can only vouch for the names of this server and for private \
                    addresses.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.tls.local_ca, bool::read(text)),
            show: |config| word(config.tls.local_ca),
        },
        Key {
            name: "local_names",
            kind: Kind::Text,
            values: "host names, with commas between; empty for none",
            about: "More names for these certificates, besides localhost, this machine's name (alone and \
                    with .local), the name in public_url and the private addresses of this machine. A \
                    name that is added later needs a new authority, which every device has to trust \
                    again: `morelia tls local-root --new`.",
            example: "chat.home.arpa",
            reload: false,
            set: |config, text, _| put(&mut config.tls.local_names, list(text, host_name)),
            show: |config| config.tls.local_names.join(", "),
        },
    ],
};

fn acme_names(text: &str) -> Result<Vec<String>, String> {
    let names = list(text, |text| {
        let name = host_name(text)?;
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        if is_address || !name.contains('.') {
            return Err(format!(
                "`{text}` is not a name in a domain such as chat.example.org"
            ));
        }
        Ok(name)
    })?;
    if names.len() > MAX_NAMES {
        return Err(format!(
            "at most {MAX_NAMES} names fit into one certificate"
        ));
    }
    Ok(names)
}

fn acme_directory(text: &str) -> Result<String, String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "production" => Ok("production".to_owned()),
        "staging" => Ok("staging".to_owned()),
        lower if lower.starts_with("https://") && text.is_ascii() && lower.len() > 8 => {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "`{text}` is not production, staging or an address that begins with https://"
        )),
    }
}

fn agreed(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(false),
        "agreed" => Ok(true),
        _ => Err(format!("`{text}` is not `agreed`")),
    }
}
