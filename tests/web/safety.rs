//! What others write is text, wherever it is shown.

use serde_json::json;

use super::browser::{Browser, Screen};
use super::{open_flow, sign_in};
use crate::common::{PASSWORD, Server};

const ATTACKS: [&str; 5] = [
    "<img src=x onerror=\"window.hit=1\">",
    "<script>window.hit=1</script>",
    "\"><svg onload=window.hit=1>",
    "javascript:window.hit=1//https://a.example",
    "{{constructor.constructor('window.hit=1')()}}",
];

#[test]
fn markup_in_any_field_is_shown_as_text() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    for (number, attack) in ATTACKS.iter().enumerate() {
        let login = format!("{number}{attack}");
        let user = json!({"user": [{"login": login, "password": PASSWORD, "username": attack}]});
        let reply = server.connect().request("register_user", &user).is(201);
        let id = reply.users()[0]["uuid"].clone();
        let token = reply.users()[0]["auth_id"].clone();
        let profile =
            json!({"user": [{"uuid": id, "auth_id": token, "bio": attack, "avatar": attack}]});
        server.connect().request("edit_user", &profile).is(200);
        let flow =
            json!({"flow": [{"type": "group", "title": attack, "info": attack, "users": [id]}]});
        let reply = anna.ask("add_flow", &flow).is(200);
        let message = json!({
            "user": [{"uuid": id, "auth_id": token}],
            "flow": [{"uuid": reply.flows()[0]["uuid"]}],
            "message": [{"text": attack, "file_picture": attack, "file_document": attack}],
        });
        server.connect().request("send_message", &message).is(200);
    }
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    for attack in ATTACKS {
        let text = json!(attack);
        open_flow(&page, attack);
        page.wait(&format!(
            "document.querySelector('article .text').textContent.includes({text})"
        ));
        page.wait(&format!(
            "document.querySelector('article .author').textContent === {text}"
        ));
        page.click(".head-title");
        page.wait(&format!(
            "document.querySelector('.info dd')?.textContent === {text}"
        ));
        let made = page.run("return document.querySelectorAll('#app script, #app [onerror], #app [onload], #app a[href^=javascript]').length");
        assert_eq!(made, 0, "{attack}");
        page.click(".info .bar button");
        page.wait("!document.querySelector('.info')");
    }
    page.run("location.hash = '#/search'");
    page.fill(".search-box input", "window");
    page.wait("document.querySelectorAll('.hit').length > 0");
    page.run("location.hash = '#/new'");
    page.wait(&format!(
        "document.querySelectorAll('.person').length >= {}",
        ATTACKS.len()
    ));
    assert_eq!(page.run("return window.hit ?? null"), json!(null));
}

#[test]
fn policy_stops_what_the_code_would_not() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = browser.page(Screen::Desk, "en-GB");
    page.open(&server, "/");
    page.wait("document.querySelector('.sign-form')");
    let refused = page.run_async(
        "const broken = [];
         document.addEventListener('securitypolicyviolation', (event) => broken.push(event.effectiveDirective));
         const typed = (() => { try { document.createElement('div').innerHTML = '<b>x</b>'; return false; } catch { return true; } })();
         const script = document.createElement('script');
         script.append('window.hit = 1');
         try { document.head.append(script); } catch { /* Trusted Types may throw here already */ }
         new Image().src = 'http://192.0.2.1/x.png';
         try { new WebSocket('ws://192.0.2.1/'); } catch { /* some versions throw */ }
         const end = Date.now() + 10_000;
         while (broken.length < 3 && Date.now() < end) await new Promise((next) => setTimeout(next, 20));
         return {typed, hit: window.hit ?? null, broken};",
    );
    assert_eq!(refused["typed"], true, "{refused}");
    assert_eq!(refused["hit"], json!(null), "{refused}");
    let broken = refused["broken"].to_string();
    for directive in ["img-src", "connect-src", "require-trusted-types-for"] {
        assert!(broken.contains(directive), "{directive} in {broken}");
    }
}
