//! Nothing that somebody typed or chose is lost without a word, and Back closes what lies on top.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, say, sees, sign_in, write};
use crate::common::Server;

/// Puts a picture beside the text, as pasting does.
fn paste_picture(page: &Page, name: &str) {
    page.run_async(&format!(
        "const canvas = document.createElement('canvas');
         canvas.width = 60; canvas.height = 40;
         canvas.getContext('2d').fillRect(0, 0, 30, 30);
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], {}, {{type: 'image/png'}}));
         const field = document.querySelector('.composer-field');
         field.dispatchEvent(new ClipboardEvent('paste', {{clipboardData: data, bubbles: true, cancelable: true}}));",
        json!(name)
    ));
}

/// A server with two groups of anna and boris, and anna's window on one of them.
fn desk<'a>(server: &Server, browser: &'a Browser, screen: Screen) -> Page<'a> {
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &family, "First words");
    group(&mut anna, "Club", &[&boris]);
    let page = browser.page(screen, "en-GB");
    sign_in(&page, server, "anna");
    open_flow(&page, "Family");
    sees(&page, "First words");
    page
}

#[test]
fn files_and_an_edit_wait_while_one_looks_elsewhere() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Desk);
    paste_picture(&page, "one.png");
    paste_picture(&page, "two.png");
    page.wait("document.querySelectorAll('.tray-item img').length === 2");
    open_flow(&page, "Club");
    page.wait("!document.querySelector('.tray-item')");
    page.wait("[...document.querySelectorAll('a.row')].some((row) => row.textContent.includes('Draft: one.png'))");
    open_flow(&page, "Family");
    page.wait("document.querySelectorAll('.tray-item img').length === 2");
    // Through a reload as well.
    page.run_async("await new Promise((next) => setTimeout(next, 600));");
    page.reload();
    page.wait("document.querySelectorAll('.tray-item img').length === 2");
    for _ in 0..2 {
        page.click(".tray-item .icon-button");
    }
    page.wait("!document.querySelector('.tray-item')");
    // An edit that was begun.
    page.press(".composer-field", "\u{e013}");
    page.fill(".composer-field", "Better words");
    open_flow(&page, "Club");
    assert_eq!(
        page.run("return document.querySelector('.composer-field').value"),
        ""
    );
    open_flow(&page, "Family");
    page.wait("document.querySelector('.composer-field').value === 'Better words' && !document.querySelector('.composer-bar').hidden");
    page.click(".send");
    sees(&page, "Better words");
    page.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
}

#[test]
fn edit_made_offline_is_kept_and_sent() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Phone);
    server.kill();
    page.wait("document.querySelector('.head-status').textContent === 'No connection'");
    page.press(".composer-field", "\u{e013}");
    page.fill(".composer-field", "Second thoughts");
    page.click(".send");
    page.wait(&format!(
        "{NEWEST}.textContent.includes('Second thoughts') && {NEWEST}.querySelector('.icon-clock')"
    ));
    server.serve();
    page.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&two, &server, "boris");
    open_flow(&two, "Family");
    sees(&two, "Second thoughts");
}

#[test]
fn end_of_the_session_elsewhere_loses_nothing() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Phone);
    server.kill();
    page.wait("document.documentElement.dataset.connection !== 'ready'");
    write(&page, "Sent in a tunnel");
    page.wait(&format!("{NEWEST}.querySelector('.icon-clock')"));
    page.fill(".composer-field", "half a thought");
    server.serve();
    // The password is changed on the command line: every session is over.
    server
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin(format!("{}\n", crate::common::PASSWORD))
        .run()
        .exits(0);
    page.wait("document.querySelector('.sign-form .notice')");
    page.fill("input[name=login]", "anna");
    page.fill("input[name=password]", crate::common::PASSWORD);
    page.click(".sign-form .button");
    page.wait("document.documentElement.dataset.connection === 'ready'");
    open_flow(&page, "Family");
    page.wait("document.querySelector('.composer-field').value === 'half a thought'");
    page.wait("[...document.querySelectorAll('article.message')].some((one) => one.textContent.includes('Sent in a tunnel') && one.querySelector('[class*=icon-check]'))");
}

#[test]
fn without_storage_messages_still_go() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Desk);
    // From here on the browser keeps nothing, and one that it is asked of never answers.
    page.run(
        "IDBDatabase.prototype.transaction = () => { throw new DOMException('lost', 'InvalidStateError'); };
         IDBFactory.prototype.open = () => ({});
         Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };",
    );
    write(&page, "Nobody writes this down");
    sees(&page, "Nobody writes this down");
    page.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
    write(&page, "Nor this");
    page.wait(&format!(
        "{NEWEST}.textContent.includes('Nor this') && {NEWEST}.querySelector('[class*=icon-check]')"
    ));
}

#[test]
fn long_text_goes_in_parts() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Desk);
    page.fill(".composer-field", &"слово ".repeat(12_000));
    page.click(".send");
    page.wait("document.querySelectorAll('article.message').length === 4");
    page.wait("document.querySelectorAll('article.message [class*=icon-check]').length === 4");
    let sum = page.run("return [...document.querySelectorAll('article.message .text')].slice(1).reduce((sum, one) => sum + one.textContent.split('слово').length - 1, 0)");
    assert_eq!(sum, 12_000);
}

#[test]
fn back_closes_what_lies_on_top() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Phone);
    let menu = "document.querySelector('article.message .bubble').dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: 100, clientY: 300}))";
    page.run(menu);
    page.wait("document.querySelector('.menu')");
    page.run("history.back()");
    page.wait("!document.querySelector('.menu') && document.querySelector('.conversation')");
    // What a menu led to.
    page.run(menu);
    page.run("[...document.querySelectorAll('.menu-item')].find((one) => one.textContent === 'Info').click()");
    page.wait("document.querySelector('dialog[open]')");
    page.run("history.back()");
    page.wait("!document.querySelector('dialog') && document.querySelector('.conversation')");
    sees(&page, "First words");
    // Closed by hand, the next Back is for the page.
    page.run(menu);
    page.run("document.querySelector('.menu').finish()");
    page.run("history.back()");
    page.wait(
        "!document.querySelector('.conversation') && document.querySelector('.flow-list a.row')",
    );
    // A chat that was begun leads back to the list, not to the list of people.
    page.click(".fab");
    page.wait("document.querySelector('.picker .person')");
    page.click(".picker .person");
    page.wait("document.querySelector('.conversation')");
    page.run("history.back()");
    page.wait(
        "document.querySelector('.side .flow-list') && !document.querySelector('.conversation')",
    );
}

#[test]
fn keys_typed_before_the_search_is_there_go_into_it() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = desk(&server, &browser, Screen::Desk);
    page.press(".composer-field", "\u{e009}k\u{e000}");
    page.wait("document.activeElement.matches('.search-box input')");
    page.wait("document.querySelector('.search-results')");
    page.wait("document.activeElement.matches('.search-box input')");
    // What an input method has not finished is not sent.
    page.run("location.hash = '#/'");
    open_flow(&page, "Family");
    page.fill(".composer-field", "にほ");
    page.run("document.querySelector('.composer-field').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true, cancelable: true}))");
    assert_eq!(
        page.run("return document.querySelector('.composer-field').value"),
        "にほ"
    );
}

#[test]
fn refusals_are_told_in_the_readers_language() {
    let server = Server::with(&[("limits.text", "1KB")]);
    let browser = Browser::start();
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let page = browser.page(Screen::Phone, "ru-RU");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Family");
    write(&page, &"длинно ".repeat(400));
    page.wait(&format!(
        "{NEWEST}.querySelector('.failure')?.textContent.includes('Это больше, чем принимает сервер')"
    ));
    let latin =
        page.run("return /[A-Za-z]{3}/.test(document.querySelector('.failure').textContent)");
    assert_eq!(latin, false);
}

#[test]
fn deleted_account_is_neither_online_nor_written_to() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    anna.add_flow("chat", "", &[&boris]);
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "boris");
    page.wait("document.querySelector('.composer')");
    let away = json!({"user": [{"login": "boris", "password": crate::common::PASSWORD}]});
    boris.ask("delete_user", &away).is(200);
    page.wait("document.querySelector('.head-name').textContent === 'Deleted account'");
    page.wait("document.querySelector('.read-only') && !document.querySelector('.composer') && document.querySelector('.head-status').textContent === ''");
}
