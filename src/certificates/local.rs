//! The house's own authority: a root that each device trusts once, and the certificate below it.
//!
//! The root may vouch for the names of this server and for private addresses only, and says so in a
//! way that whoever does not understand it must refuse. Its stolen key forges nothing else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rand::Rng as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::addresses::is_private;
use super::error::CertificateError;
use super::files::Folder;
use super::read::{Facts, der_of_pem};

const ROOT: &str = "local-root.pem";
const ROOT_KEY: &str = "local-root.key";
const LEAF: &str = "local.pem";
const LEAF_KEY: &str = "local.key";

/// How long the root is good: longer than a telephone is used.
const ROOT_DAYS: i64 = 3650;

/// How long a certificate below it is good. Apple's systems refuse more than 397 days.
const LEAF_DAYS: i64 = 396;

/// How far a certificate begins in the past: clocks differ.
pub(super) const BEFORE: Duration = Duration::hours(12);

/// Networks whose addresses certificates may be for, whichever of them the router gives next.
const NETWORKS: [(IpAddr, u8); 7] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// What a certificate of the house is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Host names, in lower case.
    pub names: BTreeSet<String>,
    /// Private addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// Adds a host: a name, or a private address. What is not ASCII is left out: no certificate has it.
    pub fn add(&mut self, host: &str) {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            if is_private(address) {
                self.addresses.insert(address);
            }
            return;
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if !host.is_empty() && host.bytes().all(plain) {
            self.names.insert(host);
        }
    }
}

/// The root of the house.
#[derive(Debug, Clone)]
pub struct Root {
    /// The certificate, PEM.
    pub pem: String,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// What it says.
    pub facts: Facts,
}

/// The certificate that is served.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// What it says.
    pub facts: Facts,
}

impl Root {
    /// Reads the root. `None`: there is none yet.
    ///
    /// # Errors
    /// It cannot be read, or is no certificate.
    pub fn load(folder: &Folder) -> Result<Option<Self>, CertificateError> {
        let Some(pem) = folder.read(ROOT)? else {
            return Ok(None);
        };
        let content = || CertificateError::Content {
            path: folder.path(ROOT),
            what: "certificate",
        };
        let der = der_of_pem(&pem).ok_or_else(content)?;
        let facts = Facts::of_der(&der).ok_or_else(content)?;
        Ok(Some(Self { pem, der, facts }))
    }

    /// Makes a root for these names, in place of the one that may be there.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn make(
        folder: &Folder,
        names: &Names,
        machine: &str,
        now: OffsetDateTime,
    ) -> Result<Self, CertificateError> {
        let key = KeyPair::generate()?;
        let subject = format!("Morelia {machine} {}", now.date());
        let mut params = base(&subject, now, ROOT_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let names = names.names.iter().cloned().map(GeneralSubtree::DnsName);
        let networks = NETWORKS
            .iter()
            .map(|(base, prefix)| GeneralSubtree::IpAddress(subnet(*base, *prefix)));
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: names.chain(networks).collect(),
            excluded_subtrees: Vec::new(),
        });
        let pem = params.self_signed(&key)?.pem();
        // The key first: a root without its key would be of no use.
        folder.write(ROOT_KEY, &key.serialize_pem())?;
        folder.write(ROOT, &pem)?;
        // What is below the former root is not believed any more.
        folder.remove(LEAF)?;
        folder.remove(LEAF_KEY)?;
        Self::load(folder)?.ok_or_else(|| CertificateError::Content {
            path: folder.path(ROOT),
            what: "certificate",
        })
    }

    /// Takes the key off this machine: returns it, and removes it when `keep` has kept it.
    ///
    /// # Errors
    /// There is none, or what `keep` returns.
    pub fn take_key(
        folder: &Folder,
        keep: impl FnOnce(&str) -> std::io::Result<()>,
    ) -> Result<(), CertificateError> {
        let path = folder.path(ROOT_KEY);
        let key = folder
            .read(ROOT_KEY)?
            .ok_or_else(|| CertificateError::Offline(path.clone()))?;
        keep(&key).map_err(|source| CertificateError::File { path, source })?;
        folder.remove(ROOT_KEY)?;
        Ok(())
    }

    /// Which of some names the root may not vouch for.
    #[must_use]
    pub fn missing(&self, names: &Names) -> Vec<String> {
        let Some((permitted, _)) = &self.facts.permitted else {
            return Vec::new();
        };
        let covered = |name: &String| {
            permitted
                .iter()
                .any(|it| it == name || name.ends_with(&format!(".{it}")))
        };
        names
            .names
            .iter()
            .filter(|name| !covered(name))
            .cloned()
            .collect()
    }
}

impl Leaf {
    /// The names of its files: certificate and key.
    pub const FILES: (&'static str, &'static str) = (LEAF, LEAF_KEY);

    /// Reads the present certificate. `None`: there is none that can be used.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(folder: &Folder) -> Result<Option<Self>, CertificateError> {
        let (pem, key) = (folder.read(LEAF)?, folder.read(LEAF_KEY)?);
        let facts = pem
            .filter(|_| key.is_some())
            .as_deref()
            .and_then(Facts::of_pem);
        Ok(facts.map(|facts| Self { facts }))
    }

    /// Tells whether it is time for another one: half of its life is over, it was made by another root,
    /// or it is for other names.
    #[must_use]
    pub fn is_due(&self, root: &Root, names: &Names, now: OffsetDateTime) -> bool {
        let covered: BTreeSet<_> = self.facts.names.iter().cloned().collect();
        let addresses: BTreeSet<_> = self.facts.addresses.iter().copied().collect();
        let missing = root.missing(names);
        let mut wanted = names.names.iter().filter(|name| !missing.contains(name));
        self.facts.left(now.unix_timestamp()) < 0.5
            || self.facts.not_before > now.unix_timestamp()
            || !self.is_below(root)
            || !wanted.all(|name| covered.contains(name))
            || !names.addresses.is_subset(&addresses)
    }

    /// Tells whether a root made it: by its key, since two roots of one day have the same name.
    #[must_use]
    pub fn is_below(&self, root: &Root) -> bool {
        self.facts.authority_key.is_some() && self.facts.authority_key == root.facts.own_key
    }

    /// Makes a certificate for those of the names that the root may vouch for.
    ///
    /// # Errors
    /// The key of the root is not there, or it cannot be written.
    pub fn make(
        folder: &Folder,
        root: &Root,
        names: &Names,
        now: OffsetDateTime,
    ) -> Result<Self, CertificateError> {
        let root_key = folder
            .read(ROOT_KEY)?
            .ok_or_else(|| CertificateError::Offline(folder.path(ROOT_KEY)))?;
        let root_key = KeyPair::from_pem(&root_key)?;
        let mut parent = CertificateParams::default();
        parent.distinguished_name = DistinguishedName::new();
        parent
            .distinguished_name
            .push(DnType::CommonName, root.facts.subject.as_str());
        parent.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = Issuer::new(parent, root_key);
        let missing = root.missing(names);
        let covered = names.names.iter().filter(|name| !missing.contains(name));
        let title = covered.clone().find(|name| name.contains('.'));
        let title = title.map_or("Morelia", String::as_str);
        let mut params = base(title, now, LEAF_DAYS);
        for name in covered {
            let name = name.as_str().try_into()?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        let addresses = names.addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names.extend(addresses);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let pem = params.signed_by(&key, &issuer)?.pem();
        folder.write(LEAF_KEY, &key.serialize_pem())?;
        folder.write(LEAF, &pem)?;
        Self::load(folder)?.ok_or_else(|| CertificateError::Content {
            path: folder.path(LEAF),
            what: "certificate",
        })
    }
}

/// What all certificates have that are made here.
pub(super) fn base(subject: &str, now: OffsetDateTime, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = now - BEFORE;
    params.not_after = params.not_before + Duration::days(days);
    let mut serial: [u8; 16] = rand::rng().random();
    // Positive, and as long whatever the chance.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn subnet(base: IpAddr, prefix: u8) -> CidrSubnet {
    CidrSubnet::from_addr_prefix(base, prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Names {
        let mut names = Names::default();
        for text in texts {
            names.add(text);
        }
        names
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_795_000_000).unwrap()
    }

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("tls"));
        (place, folder)
    }

    #[test]
    fn only_names_and_private_addresses_are_taken() {
        let names = names(&[
            "Pi.Local.",
            "192.168.1.7",
            "8.8.8.8",
            "[fd00::1]",
            "пример.рф",
            "",
        ]);
        assert_eq!(names.names, BTreeSet::from(["pi.local".to_owned()]));
        assert_eq!(names.addresses.len(), 2);
    }

    #[test]
    fn the_root_vouches_for_the_house_alone() {
        let (_place, folder) = folder();
        let root = Root::make(&folder, &names(&["localhost", "pi.local"]), "pi", now()).unwrap();
        assert_eq!(root.facts.subject, "Morelia pi 2026-11-18");
        let (permitted, critical) = root.facts.permitted.clone().unwrap();
        assert_eq!(permitted, ["localhost", "pi.local"]);
        assert!(critical);
        assert_eq!(
            root.missing(&names(&["pi.local", "a.pi.local", "chat.example.org"])),
            ["chat.example.org"]
        );
        let days = (root.facts.not_after - root.facts.not_before) / 86_400;
        assert_eq!(days, ROOT_DAYS);
    }

    #[test]
    fn the_leaf_follows_names_and_time() {
        let (_place, folder) = folder();
        let first = names(&["localhost", "pi.local", "192.168.1.7"]);
        let root = Root::make(&folder, &first, "pi", now()).unwrap();
        assert!(Leaf::load(&folder).unwrap().is_none());
        let leaf = Leaf::make(&folder, &root, &first, now()).unwrap();
        assert_eq!(leaf.facts.issuer, root.facts.subject);
        assert!(leaf.facts.fits("pi.local") && leaf.facts.fits("192.168.1.7"));
        let days = (leaf.facts.not_after - leaf.facts.not_before) / 86_400;
        assert!(days <= 397, "{days}");
        assert!(!leaf.is_due(&root, &first, now()));
        assert!(leaf.is_due(&root, &first, now() + Duration::days(200)));
        let moved = names(&["localhost", "pi.local", "192.168.1.8"]);
        assert!(leaf.is_due(&root, &moved, now()));
        // A name that the root may not vouch for does not make it due for ever.
        let more = names(&["localhost", "pi.local", "192.168.1.7", "chat.example.org"]);
        assert!(!leaf.is_due(&root, &more, now()));
        let leaf = Leaf::make(&folder, &root, &more, now()).unwrap();
        assert!(!leaf.facts.fits("chat.example.org"));
        let other = Root::make(&folder, &first, "pi", now()).unwrap();
        assert!(leaf.is_due(&other, &first, now()));
    }

    #[test]
    fn without_the_key_of_the_root_nothing_is_made() {
        let (_place, folder) = folder();
        let names = names(&["pi.local"]);
        let root = Root::make(&folder, &names, "pi", now()).unwrap();
        let mut kept = String::new();
        let failed = Root::take_key(&folder, |_| Err(std::io::Error::other("full")));
        assert!(failed.is_err());
        assert!(folder.read(ROOT_KEY).unwrap().is_some());
        Root::take_key(&folder, |key| {
            key.clone_into(&mut kept);
            Ok(())
        })
        .unwrap();
        assert!(kept.contains("PRIVATE KEY"));
        let refused = Leaf::make(&folder, &root, &names, now());
        assert!(matches!(refused, Err(CertificateError::Offline(_))));
    }
}
