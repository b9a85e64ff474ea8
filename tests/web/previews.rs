//! Links and what their pages say of themselves.

use super::access::passes;
use super::browser::{Browser, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use crate::common::Server;
use crate::common::pages::Pages;

#[test]
fn link_that_is_written_shows_what_its_page_says() {
    let pages = Pages::start();
    let server = Server::with(&[("web.previews", "on"), ("outbound.proxy", &pages.proxy())]);
    let browser = Browser::start();
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Phone, "en-GB");
    let two = browser.page(Screen::Desk, "ru-RU");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    one.fill(".composer-field", "Look at http://8.8.8.8/lake, all of you");
    one.wait(
        "document.querySelector('.preview-bar:not([hidden])')?.textContent.includes('Lake Ladoga')",
    );
    passes(&one);
    one.click(".send");
    let card = format!(
        "{NEWEST}?.querySelector('a.preview[href=\"http://8.8.8.8/lake\"][rel~=noopener]')"
    );
    one.wait(&format!("{card}?.textContent.includes('Lake Ladoga')"));
    two.wait(&format!(
        "{card}?.textContent.includes('The largest lake of Europe')"
    ));
    passes(&two);
    one.wait("document.querySelector('.preview-bar').hidden && document.querySelector('.composer-field').value === ''");
    assert_eq!(pages.asked().len(), 1, "who reads asks nothing");
    // Who wants none sends none.
    one.fill(".composer-field", "http://8.8.8.8/moved");
    one.wait("!document.querySelector('.preview-bar').hidden");
    one.click(".preview-bar .icon-button");
    one.wait("document.querySelector('.preview-bar').hidden");
    one.click(".send");
    sees(&two, "8.8.8.8/moved");
    two.wait(&format!("!{NEWEST}.querySelector('.preview')"));
}

#[test]
fn no_page_is_asked_where_that_is_off() {
    let pages = Pages::start();
    let server = Server::with(&[("outbound.proxy", &pages.proxy())]);
    let browser = Browser::start();
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[]);
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Family");
    page.fill(".composer-field", "http://8.8.8.8/lake");
    page.run_async("await new Promise((next) => setTimeout(next, 1_500));");
    write(&page, "http://8.8.8.8/lake");
    page.wait(&format!("{NEWEST}?.querySelector('[class*=icon-check]')"));
    assert!(pages.asked().is_empty());
    assert_eq!(
        page.run("return document.querySelector('.preview')"),
        serde_json::json!(null)
    );
}
