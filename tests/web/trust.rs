//! What browsers give a page by the house's own certificate, and to whom they refuse it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::browser::{Browser, Page, Screen};
use crate::common::https::openssl;
use crate::common::port::free_port;
use crate::common::{PASSWORD, Server, eventually};

const NAME: &str = "raspberrypi.local";

/// A server that vouches for itself by that name.
fn server() -> Server {
    Server::with(&[("tls.local_ca", "on"), ("tls.local_names", NAME)])
}

fn port(server: &Server) -> String {
    let address = server.address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    port.to_owned()
}

fn root(server: &Server) -> String {
    let root = server.folder().join("tls/local-root.pem");
    root.display().to_string()
}

/// The home folder of somebody whose browser trusts these authorities.
fn home(roots: &[&str]) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let store = home.path().join(".pki/nssdb");
    std::fs::create_dir_all(&store).expect("made");
    let store = format!("sql:{}", store.display());
    let certutil = |arguments: &[&str]| {
        let done = Command::new("certutil").args(arguments).output();
        let done = done.expect("Debian's package libnss3-tools is installed");
        assert!(done.status.success(), "{done:?}");
    };
    certutil(&["-N", "-d", &store, "--empty-password"]);
    for root in roots {
        certutil(&["-A", "-d", &store, "-t", "C,,", "-n", root, "-i", root]);
    }
    home
}

/// A browser in which the names lead to this machine.
fn browser(home: &Path) -> Browser {
    let rules = format!("--host-resolver-rules=MAP {NAME} 127.0.0.1,MAP evil.example 127.0.0.1");
    Browser::at_home(home, &[rules])
}

fn sign_in(page: &Page, login: &str) {
    page.fill("input[name=login]", login);
    page.fill("input[name=password]", PASSWORD);
    page.click(".sign-form .button");
    page.wait("document.documentElement.dataset.connection === 'ready'");
}

/// What the browser shows, or says, in place of a page.
fn what_is_said(page: &Page, url: &str) -> String {
    if let Err(refused) = page.visit(url) {
        return refused;
    }
    let shown = page.run("return document.documentElement.textContent");
    shown.as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_trusted_root_gives_a_page_everything() {
    let server = server();
    let anna = ["user", "add", "anna", "--password-stdin"];
    server
        .command(anna)
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    let home = home(&[&root(&server)]);
    let browser = browser(home.path());
    let page = browser.page(Screen::Phone, "en-GB");
    // As it is done by a person: the page about trust in clear, its picture, its link.
    let clear = format!("http://{NAME}:{}/trust#next=/invite/X-1", port(&server));
    page.visit(&clear).expect("the page");
    page.wait("document.querySelector('.test img').naturalWidth > 0");
    page.wait("document.getElementById('continue').href.endsWith('/invite/X-1')");
    page.click("#continue");
    page.wait("location.protocol === 'https:' && document.querySelector('input[name=login]')");
    let base = format!("https://{NAME}:{}", port(&server));
    assert_eq!(page.run("return location.origin"), json!(base));
    page.visit(&base).expect("it is trusted");
    sign_in(&page, "anna");
    let given = page.run_async(
        "const worker = await navigator.serviceWorker.ready;
         const microphone = await navigator.mediaDevices.getUserMedia({audio: true});
         return [isSecureContext, worker.active.scriptURL.endsWith('/sw.js'), microphone.getAudioTracks().length,
             Boolean(crypto.subtle), Boolean(caches), 'PushManager' in window];",
    );
    assert_eq!(given, json!([true, true, 1, true, true, true]));
    // Nothing stands in the way of notifications.
    page.run("location.hash = '#/settings'");
    page.wait("document.querySelector('.push-hint')");
    assert_eq!(
        page.run("const hint = document.querySelector('.push-hint'); return [hint.textContent, hint.closest('label').querySelector('input').disabled]"),
        json!(["", false])
    );
}

#[test]
fn without_the_root_nothing_opens() {
    let server = server();
    let home = home(&[]);
    let browser = browser(home.path());
    let page = browser.page(Screen::Desk, "en-GB");
    let refused = what_is_said(&page, &format!("https://{NAME}:{}/", port(&server)));
    assert!(refused.contains("ERR_CERT_AUTHORITY_INVALID"), "{refused}");
    // The page about trust says so as well.
    let clear = format!("http://{NAME}:{}/trust", port(&server));
    page.visit(&clear).expect("the page");
    page.wait("document.querySelector('.test img').complete");
    assert_eq!(
        page.run("return document.querySelector('.test img').naturalWidth"),
        json!(0)
    );
}

/// A server of somebody else's, ended with the test.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stolen_root_opens_no_other_site() {
    let server = server();
    let path = |name: &str| server.folder().join(name).display().to_string();
    let (root, root_key) = (root(&server), path("tls/local-root.key"));
    let (certificate, key) = (path("evil.pem"), path("evil.key"));
    let mut arguments: Vec<&str> =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
         -subj /CN=evil.example -addext subjectAltName=DNS:evil.example -addext \
         basicConstraints=critical,CA:FALSE"
            .split_whitespace()
            .collect();
    arguments.extend([
        "-keyout",
        &key,
        "-out",
        &certificate,
        "-CA",
        &root,
        "-CAkey",
        &root_key,
    ]);
    let (made, said) = openssl(&arguments);
    assert!(made, "{said}");
    let port = free_port();
    let other = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ])
        .args(["-cert", &certificate, "-key", &key])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let _other = Other(other);
    let up = || std::net::TcpStream::connect(("127.0.0.1", port));
    eventually(up, Result::is_ok).expect("it listens");
    let home = home(&[&root]);
    let browser = browser(home.path());
    let page = browser.page(Screen::Desk, "en-GB");
    let refused = what_is_said(&page, &format!("https://evil.example:{port}/"));
    assert!(refused.contains("ERR_CERT_INVALID"), "{refused}");
}
