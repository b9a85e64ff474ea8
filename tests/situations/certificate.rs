//! Situations of certificates.

use super::{Situation, folder, good_files, mode, tls, with_files};
use crate::common::Server;
use crate::common::https::openssl;

pub(super) const CERTIFICATE: &[Situation] = &[
    Situation {
        name: "the certificate is not there",
        make: |server| with_files(server, "/gone.pem", "/gone.key"),
        says: ("FAIL", "tls"),
        text: "/gone.pem",
        remedy: "server's user read it",
        mend: Some(good_files),
    },
    Situation {
        name: "the key is another certificate's",
        make: |server| with_files(server, &tls("server.pem"), &tls("second.key")),
        says: ("FAIL", "tls"),
        text: "cannot be used",
        remedy: "the key of this certificate",
        mend: Some(good_files),
    },
    Situation {
        name: "the key is a certificate",
        make: |server| with_files(server, &tls("server.pem"), &tls("server.pem")),
        says: ("FAIL", "tls"),
        text: "holds no private key",
        remedy: "correct certfile and keyfile",
        mend: Some(good_files),
    },
    Situation {
        name: "the certificate is a key",
        make: |server| with_files(server, &tls("server.key"), &tls("server.key")),
        says: ("FAIL", "tls"),
        text: "holds no certificate",
        remedy: "correct certfile and keyfile",
        mend: Some(good_files),
    },
    Situation {
        name: "the key has a passphrase",
        make: |server| {
            let locked = folder(server, "locked.key").display().to_string();
            let (made, said) = openssl(&[
                "pkey",
                "-in",
                &tls("server.key"),
                "-aes128",
                "-passout",
                "pass:x",
                "-out",
                &locked,
            ]);
            assert!(made, "{said}");
            with_files(server, &tls("server.pem"), &locked);
        },
        says: ("FAIL", "tls"),
        text: "is encrypted with a passphrase",
        remedy: "openssl pkey -in",
        mend: Some(good_files),
    },
    Situation {
        name: "the certificate is for another name",
        make: |server| {
            good_files(server);
            server.set("server.public_url", "https://chat.example.org");
        },
        says: ("FAIL", "tls"),
        text: "public_url is https://chat.example.org",
        remedy: "correct public_url",
        mend: Some(|server| server.set("server.public_url", "https://localhost")),
    },
    Situation {
        name: "the certificate vouches for itself",
        make: |server| {
            let (certificate, key) = own_certificate(server, "90");
            with_files(server, &certificate, &key);
        },
        says: ("warn", "tls"),
        text: "self-signed",
        remedy: "local_ca = on",
        mend: Some(good_files),
    },
    Situation {
        name: "the certificate ends soon",
        make: |server| {
            let (certificate, key) = own_certificate(server, "3");
            with_files(server, &certificate, &key);
        },
        says: ("warn", "tls"),
        text: "the certificate expires in",
        remedy: "renew it",
        mend: Some(good_files),
    },
    Situation {
        name: "the certificate was never fetched",
        make: |server| {
            server.set("tls.acme", "chat.example.org");
            server.set("tls.acme_terms", "agreed");
        },
        says: ("warn", "tls"),
        text: "no certificate has been requested yet",
        remedy: "start the server",
        mend: None,
    },
    Situation {
        name: "everybody can read the key",
        make: |server| {
            let (certificate, key) = own_certificate(server, "300");
            mode(std::path::Path::new(&key), 0o644);
            with_files(server, &certificate, &key);
        },
        says: ("warn", "tls"),
        text: "can read the private key",
        remedy: "chmod o-rwx",
        mend: Some(|server| mode(&folder(server, "own.key"), 0o640)),
    },
    Situation {
        name: "the own authority does not know a name",
        make: |server| {
            server.set("tls.local_ca", "on");
            server.serve();
            server.stop();
            server.set("tls.local_names", "chat.lan");
        },
        says: ("warn", "tls"),
        text: "does not cover chat.lan",
        remedy: "morelia tls local-root --new",
        mend: Some(|server| {
            server
                .command(["tls", "local-root", "--new", "--yes"])
                .run()
                .exits(0);
        }),
    },
    Situation {
        name: "the name leads nowhere",
        make: |server| {
            server.set("tls.acme", "chat.invalid");
            server.set("tls.acme_terms", "agreed");
        },
        says: ("warn", "tls"),
        text: "the name chat.invalid cannot be resolved",
        remedy: "public address of this network",
        mend: Some(|server| server.set("tls.acme", "")),
    },
];

/// Makes a certificate of one's own, good for some days (which may be over).
pub(super) fn own_certificate(server: &Server, days: &str) -> (String, String) {
    let path = |name: &str| folder(server, name).display().to_string();
    let (certificate, key) = (path("own.pem"), path("own.key"));
    let (made, said) = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        days,
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    assert!(made, "{said}");
    (certificate, key)
}
