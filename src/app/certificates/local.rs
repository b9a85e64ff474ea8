//! The local authority: the names that it certifies, and whether everything is in order.

use time::OffsetDateTime;

use crate::certificates::{
    CertificateError, Folder, Leaf, Names, Root, fingerprint, private_addresses,
};
use crate::config::Config;
use crate::server;

/// The authority and the certificate below it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The root that devices trust.
    pub root: Root,
    /// The certificate in use.
    pub leaf: Leaf,
    /// Names of this server that the root does not cover.
    pub missing: Vec<String>,
    /// Whether something was created just now.
    pub is_new: bool,
}

/// Returns the names and addresses of this machine for its certificate.
#[must_use]
pub fn names(config: &Config) -> Names {
    let mut names = Names {
        addresses: private_addresses(),
        ..Names::default()
    };
    names.add("localhost");
    let machine = machine();
    names.add(&machine);
    names.add(&format!("{}.local", machine.trim_end_matches(".local")));
    if let Some(host) = config.server.public_url.as_deref().map(host) {
        names.add(host);
    }
    for name in &config.tls.local_names {
        names.add(name);
    }
    names
}

/// Creates what is missing or due: the root, then the certificate.
///
/// # Errors
/// The folder cannot be written; the key of the root is missing.
pub fn follow(
    folder: &Folder,
    config: &Config,
    now: OffsetDateTime,
) -> Result<Standing, CertificateError> {
    let names = names(config);
    let root = match Root::load(folder)? {
        Some(root) => root,
        None => Root::make(folder, &names, &machine(), now)?,
    };
    let missing = root.missing(&names);
    let (leaf, is_new) = match Leaf::load(folder)? {
        Some(leaf) if !leaf.is_due(&root, &names, now) => (leaf, false),
        old => match (Leaf::make(folder, &root, &names, now), old) {
            (Ok(leaf), _) => (leaf, true),
            // While the key is kept elsewhere, the existing certificate is used until it expires.
            (Err(CertificateError::Offline(_)), Some(leaf))
                if leaf.facts.not_after > now.unix_timestamp() && leaf.is_below(&root) =>
            {
                (leaf, false)
            }
            (Err(err), _) => return Err(err),
        },
    };
    if is_new && !missing.is_empty() {
        log::warn!(
            "this server's own authority does not cover {}; `morelia tls local-root --new` creates one \
             that does, and every device then has to trust it again",
            missing.join(", ")
        );
    }
    Ok(Standing {
        root,
        leaf,
        missing,
        is_new,
    })
}

/// Returns what devices are shown about the authority.
#[must_use]
pub fn authority(standing: &Standing) -> server::Authority {
    let mut names = standing.leaf.facts.names.clone();
    // The name by which others reach this machine comes first, `localhost` last.
    names.sort_by_key(|name| match name.as_str() {
        "localhost" => 2,
        name if name.contains('.') => 0,
        _ => 1,
    });
    server::Authority {
        name: standing.root.facts.subject.clone(),
        der: standing.root.der.clone(),
        pem: standing.root.pem.clone(),
        fingerprint: fingerprint(&standing.root.der),
        names,
    }
}

/// Returns the name of this machine.
#[must_use]
pub fn machine() -> String {
    let machine = rustix::system::uname();
    machine
        .nodename()
        .to_str()
        .map(str::to_ascii_lowercase)
        .unwrap_or_default()
}

/// Returns the host of an address that begins with a scheme, without its port.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_machine_and_configuration() {
        let mut config = Config::default();
        config.server.public_url = Some("https://Chat.Home.Arpa:8443".to_owned());
        config.tls.local_names = vec!["chat.lan".to_owned()];
        let names = names(&config);
        for name in ["localhost", "chat.home.arpa", "chat.lan"] {
            assert!(names.names.contains(name), "{name}: {names:?}");
        }
        let own = format!("{}.local", machine().trim_end_matches(".local"));
        assert!(names.names.contains(&own), "{own}: {names:?}");
        assert_eq!(host("http://[::1]:80"), "[::1]");
    }

    #[test]
    fn a_root_without_its_key_serves_on() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("tls"));
        let config = Config::default();
        let now = OffsetDateTime::now_utc();
        let made = follow(&folder, &config, now).unwrap();
        assert!(made.is_new);
        assert!(!follow(&folder, &config, now).unwrap().is_new);
        Root::take_key(&folder, |_| Ok(())).unwrap();
        let later = now + time::Duration::days(300);
        let standing = follow(&folder, &config, later).unwrap();
        assert_eq!(standing.leaf.facts, made.leaf.facts);
        let over = now + time::Duration::days(500);
        assert!(follow(&folder, &config, over).is_err());
    }
}
