//! The house's own certificate: what it vouches for, and the page that makes devices trust it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::common::https::{get, get_secure, openssl, tcp};
use super::common::port::free_port;
use super::common::{Server, eventually};

fn server(keys: &[(&str, &str)]) -> Server {
    let mut all = vec![
        ("tls.local_ca", "on"),
        ("tls.local_names", "chat.home.arpa"),
    ];
    all.extend_from_slice(keys);
    Server::with(&all)
}

fn port(server: &Server) -> u16 {
    server
        .address()
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number")
}

#[test]
fn the_house_vouches_for_itself_and_for_nobody_else() {
    let mut server = server(&[]);
    let folder = server.folder().join("tls");
    let root = folder.join("local-root.pem");
    for name in ["localhost", "chat.home.arpa", "127.0.0.1"] {
        let (head, _) = get_secure(port(&server), name, &root, "/health").expect("trusted");
        assert!(head.starts_with("HTTP/1.1 200"), "{name}: {head}");
        assert!(!head.contains("strict-transport-security"), "{head}");
    }
    get_secure(port(&server), "evil.example", &root, "/health").expect_err("another name");
    let permissions = |name: &str| {
        let file = fs::metadata(folder.join(name)).expect(name);
        file.permissions().mode() & 0o777
    };
    assert_eq!(permissions("local-root.key"), 0o600);
    assert_eq!(permissions("local.key"), 0o600);
    assert_eq!(permissions(""), 0o700);
    // With the stolen key of the root: a certificate for another host is refused.
    let path = |name: &str| server.folder().join(name).display().to_string();
    let (root_key, root) = (folder.join("local-root.key"), root.display().to_string());
    for (host, verified) in [("evil.example", false), ("chat.home.arpa", true)] {
        let subject = format!("/CN={host}");
        let names = format!("subjectAltName=DNS:{host}");
        let (made, said) = openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            &path("evil.key"),
            "-out",
            &path("evil.pem"),
            "-days",
            "30",
            "-subj",
            &subject,
            "-addext",
            &names,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            &root,
            "-CAkey",
            &root_key.display().to_string(),
        ]);
        assert!(made, "{said}");
        let (good, said) = openssl(&["verify", "-CAfile", &root, &path("evil.pem")]);
        assert_eq!(good, verified, "{host}: {said}");
        assert_eq!(
            said.contains("permitted subtree violation"),
            !verified,
            "{said}"
        );
    }
    let leaf = folder.join("local.pem").display().to_string();
    for check in [
        ["-verify_hostname", "chat.home.arpa"],
        ["-verify_ip", "127.0.0.1"],
    ] {
        let (good, said) = openssl(&["verify", "-CAfile", &root, check[0], check[1], &leaf]);
        assert!(good, "{said}");
    }
    let (_, text) = openssl(&["x509", "-in", &root, "-noout", "-text"]);
    for word in [
        "Name Constraints: critical",
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // What people compare stands on the server's own screen from its start.
    let shown = server.command(["tls", "fingerprint"]).run().exits(0).stdout;
    let groups: Vec<_> = shown.lines().skip(1).map(str::trim).collect();
    let (_, log) = server.stop();
    assert!(log.contains(&groups.join(" ")), "{log}");
}

#[test]
fn the_page_comes_before_trust() {
    let server = server(&[]);
    let port = port(&server);
    let root = server.folder().join("tls/local-root.pem");
    let shown = server.command(["tls", "fingerprint"]).run().exits(0).stdout;
    let fingerprint: String = shown.lines().skip(1).collect::<Vec<_>>().join(" ");
    let fingerprint: Vec<&str> = fingerprint.split_whitespace().collect();
    assert_eq!(fingerprint.len(), 16, "{shown}");
    let phone = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)\r\n";
    // On the same port, without encryption, by whatever name.
    for host in ["192.168.7.7:8000", "pi.example.org"] {
        let (head, page) = get(
            port,
            host,
            "/trust",
            &format!("{phone}Accept-Language: ru\r\n"),
        );
        let page = String::from_utf8(page).expect("text");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(page.contains("Доверие этому серверу"), "{page}");
        assert!(page.contains("<details open id=\"ios\">"));
        assert!(
            fingerprint.iter().all(|group| page.contains(group)),
            "{page}"
        );
        assert!(head.contains("script-src 'self'"), "{head}");
    }
    let (_, page) = get(port, "chat.home.arpa", "/trust", "");
    let page = String::from_utf8(page).expect("text");
    let base = format!("https://chat.home.arpa:{port}");
    assert!(
        page.contains(&format!("src=\"{base}/trust/ok.png\"")),
        "{page}"
    );
    assert!(page.contains("Trust this server"));
    let (head, picture) = get_secure(port, "localhost", &root, "/trust/ok.png").expect("trusted");
    assert!(
        head.contains("image/png") && picture.starts_with(b"\x89PNG"),
        "{head}"
    );
    // What is installed is the root, in every form.
    let (_, pem) = get(port, "x", "/trust/morelia.pem", "");
    assert_eq!(pem, fs::read(&root).expect("the root"));
    let (head, der) = get(port, "x", "/trust/morelia.crt", "");
    assert!(head.contains("application/x-x509-ca-cert"), "{head}");
    let own = super::common::https::openssl(&[
        "x509",
        "-in",
        &root.display().to_string(),
        "-noout",
        "-fingerprint",
        "-sha256",
    ]);
    let own = own
        .1
        .rsplit('=')
        .next()
        .expect("a fingerprint")
        .trim()
        .replace(':', "");
    assert_eq!(own, fingerprint.concat());
    assert_eq!(get(port, "x", "/trust/morelia.cer", "").1, der);
    let (head, profile) = get(port, "x", "/trust/morelia.mobileconfig", "");
    assert!(head.contains("application/x-apple-aspen-config"), "{head}");
    let profile = String::from_utf8(profile).expect("text");
    assert!(profile.contains(&STANDARD.encode(&der)), "{profile}");
    assert!(profile.contains("com.apple.security.root"));
    for path in [
        "/trust/local-root.key",
        "/trust/x",
        "/trust/../tls/local-root.key",
    ] {
        let (head, _) = get(port, "x", path, "");
        assert!(!head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    }
}

#[test]
fn without_encryption_there_is_only_the_way_to_it() {
    let server = server(&[]);
    let port = port(&server);
    for path in ["/", "/invite/ABC-123"] {
        let (head, _) = get(port, &format!("chat.home.arpa:{port}"), path, "");
        assert!(head.starts_with("HTTP/1.1 308"), "{head}");
        let target = format!("location: https://chat.home.arpa:{port}{path}");
        assert!(head.contains(&target), "{head}");
    }
    for path in ["/ws", "/health", "/sw.js", "/reset/x", "/file/x"] {
        let (head, body) = get(port, "localhost", path, "");
        assert!(head.starts_with("HTTP/1.1 426"), "{path}: {head}");
        assert!(
            String::from_utf8_lossy(&body).contains("https://"),
            "{path}"
        );
    }
    // Nothing that is posted is led anywhere.
    let mut stream = tcp(port);
    stream
        .write_all(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        )
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 426"), "{answer}");
}

#[test]
fn old_clients_have_a_port_of_their_own_where_that_is_wanted() {
    let plain = free_port();
    let mut server = server(&[("server.plain_port", &plain.to_string())]);
    let (head, _) = get(plain, "localhost", "/health", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    super::common::Connection::open(plain);
    let (_, log) = server.stop();
    assert!(log.contains("sends passwords without encryption"), "{log}");
}

#[test]
fn invitations_lead_by_the_page() {
    let server = server(&[]);
    let made = server.command(["invite", "create"]).run().exits(0).stdout;
    let link = made
        .lines()
        .find(|line| line.starts_with("link"))
        .expect("a link");
    let base = format!("http://127.0.0.1:{}", 8000);
    assert!(
        link.contains("/trust#next=/invite/") && link.contains("http://"),
        "{link} {base}"
    );
    assert!(made.contains("fingerprint:"), "{made}");
    let status = server
        .command(["tls", "status", "--json"])
        .run()
        .exits(0)
        .stdout;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["way"], "local");
    assert!(
        status["days"]
            .as_i64()
            .is_some_and(|days| (390..=397).contains(&days)),
        "{status}"
    );
}

#[test]
fn another_authority_is_taken_up_while_serving() {
    let server = server(&[]);
    let port = port(&server);
    let root = server.folder().join("tls/local-root.pem");
    let kept = server.folder().join("kept.pem");
    fs::copy(&root, &kept).expect("copied");
    server
        .command(["tls", "local-root", "--new"])
        .run()
        .exits(2);
    server
        .command(["tls", "local-root", "--new", "--yes"])
        .run()
        .exits(0);
    eventually(
        || get_secure(port, "localhost", &root, "/health"),
        Result::is_ok,
    )
    .expect("the new one is served");
    get_secure(port, "localhost", &kept, "/health").expect_err("the old one is not");
    let key = server.folder().join("drawer.key");
    let key = key.to_str().expect("text");
    server
        .command(["tls", "local-root", "--offline", key])
        .run()
        .exits(0);
    assert!(!server.folder().join("tls/local-root.key").exists());
    let text = fs::read_to_string(key).expect("the key");
    assert!(text.contains("PRIVATE KEY"));
    let shown = server.command(["tls", "local-root"]).run().exits(0).stdout;
    assert!(shown.contains("kept elsewhere"), "{shown}");
}

#[test]
fn without_an_authority_of_its_own_there_is_no_page() {
    let server = Server::start();
    let (head, _) = get(port(&server), "localhost", "/trust", "");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    let refused = server.command(["tls", "fingerprint"]).run().exits(3);
    assert!(
        refused.stderr.contains("local_ca = on"),
        "{}",
        refused.stderr
    );
}

#[test]
fn keys_are_in_a_backup_only_where_that_is_asked_for() {
    let mut server = server(&[]);
    let key = server.folder().join("tls/local-root.key");
    let root = fs::read(&key).expect("a key");
    let name = |name: &str| server.folder().join(name).display().to_string();
    let (without, with) = (name("without.db"), name("with.db"));
    server.command(["backup", "--to", &without]).run().exits(0);
    assert!(!server.folder().join("without.keys").exists());
    let made = server
        .command(["backup", "--to", &with, "--with-keys"])
        .run()
        .exits(0);
    assert!(
        made.stdout.contains("where nobody else can read it"),
        "{made:?}"
    );
    let copied = server.folder().join("with.keys/local-root.key");
    assert_eq!(fs::read(&copied).expect("a copy"), root);
    let bits =
        |path: &std::path::Path| fs::metadata(path).expect("it").permissions().mode() & 0o777;
    assert_eq!(
        (bits(&copied), bits(copied.parent().expect("a folder"))),
        (0o600, 0o700)
    );
    server.command(["backup", "verify", &with]).run().exits(0);
    server.stop();
    // What is there stays.
    fs::write(&key, "another").expect("written");
    let kept = server.command(["restore", &with, "--yes"]).run().exits(0);
    assert!(kept.stdout.contains("stay"), "{kept:?}");
    assert_eq!(fs::read(&key).expect("it"), b"another");
    fs::remove_dir_all(server.folder().join("tls")).expect("removed");
    server.command(["restore", &with, "--yes"]).run().exits(0);
    assert_eq!(fs::read(&key).expect("it"), root);
    // One that was changed is no copy.
    fs::write(&copied, "other").expect("written");
    server.command(["backup", "verify", &with]).run().exits(5);
    server.serve();
}
