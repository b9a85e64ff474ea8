//! The connection breaks, the page is closed, the server is away: nothing is lost, nothing is twice.

use serde_json::json;

use super::browser::{Browser, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use crate::common::Server;

/// How many messages in the conversation have a text.
fn count(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('article.message')].filter((one) => one.textContent.includes({})).length",
        json!(text)
    )
}

/// A script that waits until the browser's database keeps so much of a kind.
pub(super) fn kept(kind: &str, least: u32) -> String {
    format!(
        "for (;;) {{
           const open = indexedDB.open('morelia');
           const db = await new Promise((done) => {{ open.onsuccess = () => done(open.result); }});
           const count = db.transaction('{kind}').objectStore('{kind}').count();
           const found = await new Promise((done) => {{ count.onsuccess = () => done(count.result); }});
           db.close();
           if (found >= {least}) return;
           await new Promise((next) => setTimeout(next, 50));
         }}"
    )
}

#[test]
fn written_in_a_tunnel_arrives_once_even_after_a_reload() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    super::say(&mut anna, &flow, "Read before the tunnel");
    let one = browser.page(Screen::Phone, "en-GB");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    sees(&one, "Read before the tunnel");
    // The service worker has the shell, and the database what was read.
    one.wait("navigator.serviceWorker.controller");
    one.run_async(&kept("tails", 1));

    server.kill();
    one.wait("document.documentElement.dataset.connection !== 'ready'");
    write(&one, "Written in a tunnel");
    write(&one, "And one more");
    one.wait("document.querySelectorAll('article.message .icon-clock').length === 2");
    one.run_async(&kept("outbox", 2));
    one.reload();
    // Without a server: the page, what was read, and what waits are all there.
    one.wait(&format!("{} === 1", count("Read before the tunnel")));
    one.wait("document.querySelectorAll('article.message .icon-clock').length === 2");

    server.serve();
    sees(&two, "And one more");
    one.wait("document.documentElement.dataset.connection === 'ready'");
    one.wait("document.querySelectorAll('article.message .icon-clock').length === 0");
    for page in [&one, &two] {
        page.wait(&format!("{} === 1", count("Written in a tunnel")));
        page.wait(&format!("{} === 1", count("And one more")));
        let order = page.run("return [...document.querySelectorAll('article.message .text')].map((one) => one.firstChild.textContent)");
        assert_eq!(
            order,
            json!([
                "Read before the tunnel",
                "Written in a tunnel",
                "And one more"
            ])
        );
    }
}

#[test]
fn what_happened_meanwhile_is_there_after_a_reconnect() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    super::say(&mut anna, &flow, "First");
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    sees(&page, "First");
    server.kill();
    page.wait("document.querySelector('.connection.shown')");
    server.serve();
    let mut anna = server.sign_in("anna");
    super::say(&mut anna, &flow, "Second");
    sees(&page, "Second");
    page.wait("document.querySelectorAll('article.message').length === 2 && !document.querySelector('.connection.shown')");
}

#[test]
fn two_tabs_agree() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Family");
    page.run("window.second = open('/' + location.hash, 'second')");
    page.wait("second.document.querySelector('.conversation .composer-field')");
    write(&page, "From the first");
    page.wait("[...second.document.querySelectorAll('article.message')].filter((one) => one.textContent.includes('From the first')).length === 1");
    page.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
    page.wait("[...second.document.querySelectorAll('article.message')].at(-1).querySelector('[class*=icon-check]')");
    assert_eq!(
        page.run("return second.document.querySelectorAll('article.message').length"),
        1
    );
    // Signing out in one signs out the other.
    page.run("second.localStorage.removeItem('morelia.session')");
    page.wait("document.querySelector('.sign-form')");
}

#[test]
fn refused_message_says_why_and_can_be_dropped() {
    let server = Server::with(&[("limits.text", "1KB")]);
    let browser = Browser::start();
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Family");
    write(&page, &"long ".repeat(400));
    page.wait(&format!(
        "{NEWEST}.querySelector('.failure')?.textContent.includes('Try again')"
    ));
    write(&page, "short");
    page.wait("document.querySelectorAll('article.message [class*=icon-check]').length === 1");
    page.run("document.querySelector('article.failed .bubble').dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: 400, clientY: 200}))");
    page.run("[...document.querySelectorAll('.menu-item')].find((one) => one.textContent === 'Don’t send').click()");
    page.wait("document.querySelectorAll('article.message').length === 1");
}

#[test]
fn drafts_stay_with_their_flow() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    group(&mut anna, "Club", &[&boris]);
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Family");
    page.fill(".composer-field", "half a thought");
    open_flow(&page, "Club");
    assert_eq!(
        page.run("return document.querySelector('.composer-field').value"),
        ""
    );
    page.wait("[...document.querySelectorAll('a.row')].some((row) => row.textContent.includes('Draft: half a thought'))");
    page.reload();
    open_flow(&page, "Family");
    page.wait("document.querySelector('.composer-field').value === 'half a thought'");
}
