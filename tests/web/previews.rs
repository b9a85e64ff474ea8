//! Links and what their pages say of themselves.

use serde_json::{Value, json};

use super::access::passes;
use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use crate::common::pages::Pages;
use crate::common::{Person, Server};

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
        Value::Null
    );
}

/// Anna and boris in "Family", on a server that asks these pages.
fn family<'a>(pages: &Pages, browser: &'a Browser) -> (Server, Page<'a>, Page<'a>, Person) {
    let server = Server::with(&[("web.previews", "on"), ("outbound.proxy", &pages.proxy())]);
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    group(&mut anna, "Club", &[&boris]);
    let one = browser.page(Screen::Phone, "en-GB");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    (server, one, two, anna)
}

/// The picture of the newest message's preview, as an expression.
const PICTURE: &str =
    "[...document.querySelectorAll('article.message')].at(-1)?.querySelector('.preview-picture')";

/// Writes a link to a page whose picture is this, and waits until it can be sent.
fn link(page: &Page, picture: &str) {
    let text = format!("Look: http://8.8.8.8/with?{picture}");
    page.fill(".composer-field", &text);
    page.wait("document.querySelector('.preview-bar .preview-title')");
}

/// Waits until the picture of what is being written is small.
fn is_small(page: &Page) {
    page.wait("document.querySelector('.preview-bar .preview-picture img')?.naturalWidth > 0");
}

/// Waits until the newest message shows the picture of its preview: from this server, and once.
fn shows(page: &Page, width: u32) {
    page.wait(&format!(
        "(() => {{ const image = {PICTURE}?.querySelector('img'); return image?.naturalWidth === {width} && image.src.startsWith('blob:') && image.alt === 'Picture from the page'; }})()"
    ));
}

fn is_sent(page: &Page) {
    page.wait(&format!("{NEWEST}?.querySelector('[class*=icon-check]')"));
}

/// Where the newest card and its words are.
fn boxes(page: &Page) -> Value {
    page.run(&format!(
        "const card = {NEWEST}.querySelector('.preview');
         const places = [{NEWEST}, card, ...card.querySelectorAll('.preview-words, .preview-words > *, .preview-picture')];
         return places.map((one) => {{ const box = one.getBoundingClientRect(); return [box.width, box.height]; }});"
    ))
}

/// Fails where a word of the newest card is under its picture, or the card wider than its bubble.
#[track_caller]
fn nothing_is_covered(page: &Page) {
    let found = page.run(&format!(
        "const bubble = {NEWEST}.querySelector('.bubble').getBoundingClientRect();
         const card = {NEWEST}.querySelector('.preview').getBoundingClientRect();
         const picture = {PICTURE}.getBoundingClientRect();
         const apart = (a, b) => a.right <= b.left + 0.5 || b.right <= a.left + 0.5 || a.bottom <= b.top + 0.5 || b.bottom <= a.top + 0.5;
         const range = document.createRange();
         const covered = [...{NEWEST}.querySelectorAll('.preview-words > *')].filter((one) => {{
           range.selectNodeContents(one);
           return !apart(one.getBoundingClientRect(), picture);
         }});
         return [covered.length, picture.width > 40 && picture.height > 40, card.left >= bubble.left && card.right <= bubble.right,
           picture.left >= card.left && picture.right <= card.right, document.documentElement.scrollWidth <= innerWidth];"
    ));
    assert_eq!(found, json!([0, true, true, true, true]));
}

#[test]
fn picture_of_a_page_comes_through_its_sender() {
    let (pages, browser) = (Pages::start(), Browser::start());
    let (server, one, two, _anna) = family(&pages, &browser);
    // No file reaches the other one until it is let through.
    two.devtools(
        "Fetch.enable",
        json!({"patterns": [{"urlPattern": "*/file/*"}]}),
    );
    link(&one, "view.jpg");
    is_small(&one);
    passes(&one);
    one.click(".send");
    is_sent(&one);
    shows(&one, 480);
    nothing_is_covered(&one);
    two.wait(&format!("{PICTURE}?.classList.contains('loading')"));
    let before = boxes(&two);
    two.devtools("Fetch.disable", json!({}));
    shows(&two, 480);
    assert_eq!(boxes(&two), before, "something moved");
    nothing_is_covered(&two);
    for theme in ["dark", "light"] {
        two.run(&format!(
            "document.documentElement.dataset.theme = '{theme}'"
        ));
        passes(&two);
    }
    assert_eq!(pages.asked().len(), 2, "who reads asks nothing");
    let asked = two.run("return performance.getEntriesByType('resource').map((one) => new URL(one.name)).filter((one) => one.protocol !== 'blob:' && one.host !== location.host).length");
    assert_eq!(asked, 0);
    // An edit leaves it where it is.
    one.press(".composer-field", "\u{e013}");
    write(&one, "See http://8.8.8.8/with?view.jpg");
    for page in [&one, &two] {
        page.wait(&format!("{NEWEST}.querySelector('.edited')"));
        shows(page, 480);
    }
    // Without the server it is read from this device.
    two.run_async(KEEPS_PICTURE);
    two.wait("navigator.serviceWorker.controller");
    two.devtools(
        "Fetch.enable",
        json!({"patterns": [{"urlPattern": "*/file/*"}]}),
    );
    two.reload();
    shows(&two, 480);
    two.devtools("Fetch.disable", json!({}));
    two.reload();
    two.wait("document.documentElement.dataset.connection === 'ready'");
    // Passed on, it goes along.
    super::answers::open_menu(&two, "See");
    super::answers::take(&two, "Forward");
    two.wait("document.querySelector('dialog .person')");
    two.run("[...document.querySelectorAll('dialog .person')].find((one) => one.textContent.includes('Club')).click()");
    two.click("dialog .button:not(.quiet)");
    two.wait("!document.querySelector('dialog')");
    open_flow(&one, "Club");
    shows(&one, 480);
    one.wait(&format!("{NEWEST}.querySelector('.origin')"));
    server.command(["db", "check"]).run().exits(0);
}

/// Waits until the browser's database holds the picture of the newest message's preview.
const KEEPS_PICTURE: &str = "
    for (let found; !found;) {
      await new Promise((next) => setTimeout(next, 50));
      const open = indexedDB.open('morelia');
      const db = await new Promise((done) => { open.onsuccess = () => done(open.result); });
      const all = db.transaction('tails').objectStore('tails').getAll();
      const tails = await new Promise((done) => { all.onsuccess = () => done(all.result); });
      db.close();
      found = tails.some((tail) => tail.messages.at(-1)?.edited && tail.messages.at(-1).preview?.thumbnail?.blob?.size > 0);
    }";

#[test]
fn small_picture_stands_beside_the_words_of_either_direction() {
    let (pages, browser) = (Pages::start(), Browser::start());
    let (_server, one, two, _anna) = family(&pages, &browser);
    link(&one, "lake.png");
    is_small(&one);
    // Where it cannot be had its place stays, and it comes with the network.
    two.devtools("Network.enable", json!({}));
    two.devtools("Network.setBlockedURLs", json!({"urls": ["*/file/*"]}));
    one.click(".send");
    two.wait(&format!("{PICTURE}?.querySelector('.icon-link')"));
    let before = boxes(&two);
    nothing_is_covered(&two);
    two.devtools("Network.setBlockedURLs", json!({"urls": []}));
    two.run("dispatchEvent(new Event('online'))");
    shows(&two, 8);
    assert_eq!(boxes(&two), before, "something moved");
    for page in [&one, &two] {
        shows(page, 8);
        nothing_is_covered(page);
        let words = [
            "אגם לדוגה הוא האגם הגדול ביותר באירופה ושוכן בצפון מערב רוסיה",
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        ];
        for word in words {
            page.run(&format!(
                "for (const one of document.querySelectorAll('.preview-words > *')) one.textContent = {};",
                json!(word)
            ));
            nothing_is_covered(page);
        }
    }
}

#[test]
fn picture_that_cannot_be_made_small_costs_nothing_but_itself() {
    let (pages, browser) = (Pages::start(), Browser::start());
    let (_server, one, two, _anna) = family(&pages, &browser);
    for picture in ["torn.png", "vast.png"] {
        link(&one, picture);
        one.wait("!document.querySelector('.preview-bar .preview-picture')");
        one.click(".send");
        is_sent(&one);
        two.wait(&format!(
            "{NEWEST}?.querySelector('a.preview[href$=\"{picture}\"]')?.textContent.includes('Lake Ladoga')"
        ));
        assert_eq!(two.run(&format!("return {PICTURE} ?? null")), Value::Null);
    }
}

#[test]
fn picture_that_is_not_taken_holds_no_message_back() {
    let (pages, browser) = (Pages::start(), Browser::start());
    let (_server, one, two, _anna) = family(&pages, &browser);
    let plain = |number: u32| {
        link(&one, &format!("view.jpg?{number}"));
        is_small(&one);
        one.click(".send");
        write(&one, &format!("What do you think, {number}?"));
        sees(&two, &format!("What do you think, {number}?"));
        // It came before what was written after it, with its words and no picture.
        let found = two.run(&format!(
            "const card = [...document.querySelectorAll('article.message')].at(-2).querySelector('a.preview[href$=\"?{number}\"]'); return [Boolean(card), Boolean(card?.querySelector('.preview-picture'))]"
        ));
        assert_eq!(found, json!([true, false]));
        one.wait("!document.querySelector('.icon-clock, .failed')");
    };
    // The server refuses, is overloaded, says nothing, and has forgotten what it took.
    one.run(
        "const fetched = window.fetch;
         window.answer = null;
         window.fetch = (url, init) => (url === '/files' && window.answer ? window.answer(init) : fetched(url, init));",
    );
    let answers = [
        "() => Promise.resolve(new Response('no room', {status: 413}))",
        "() => Promise.resolve(new Response('', {status: 503}))",
        "() => new Promise((_, reject) => setTimeout(() => reject(new TypeError('lost')), 50))",
        "(init) => new Promise((_, reject) => init.signal.addEventListener('abort', () => reject(init.signal.reason)))",
    ];
    for (number, answer) in (1..).zip(answers) {
        one.run(&format!("window.answer = {answer}"));
        plain(number);
    }
    one.run(
        "window.answer = null;
         const open = XMLHttpRequest.prototype.open;
         XMLHttpRequest.prototype.open = function (method, url) {
           this.addEventListener('load', () => { const ask = new XMLHttpRequest(); open.call(ask, 'DELETE', url, false); for (const [key, value] of this.headers) ask.setRequestHeader(key, value); ask.send(); });
           this.headers = [];
           return open.apply(this, arguments);
         };
         const set = XMLHttpRequest.prototype.setRequestHeader;
         XMLHttpRequest.prototype.setRequestHeader = function (key, value) {
           if (this.headers && ['Authorization', 'Tus-Resumable'].includes(key)) this.headers.push([key, value]);
           return set.call(this, key, value);
         };",
    );
    plain(9);
}

#[test]
fn picture_waits_with_its_message_for_the_network() {
    let (pages, browser) = (Pages::start(), Browser::start());
    let (_server, one, two, _anna) = family(&pages, &browser);
    one.wait("navigator.serviceWorker.controller");
    link(&one, "view.jpg");
    is_small(&one);
    one.devtools("Network.enable", json!({}));
    let offline = |is_offline: bool| {
        one.devtools(
            "Network.emulateNetworkConditions",
            json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}),
        );
    };
    offline(true);
    one.wait("document.documentElement.dataset.connection !== 'ready'");
    one.click(".send");
    write(&one, "Written in a tunnel");
    one.wait("document.querySelectorAll('article.message .icon-clock').length === 2");
    one.run_async(&super::robust::kept("outbox", 2));
    one.reload();
    // It is there, and so is its picture.
    one.wait("document.querySelectorAll('article.message .icon-clock').length === 2");
    one.wait(
        "document.querySelector('article.message .preview-picture img')?.naturalWidth === 480",
    );
    offline(false);
    sees(&two, "Written in a tunnel");
    for page in [&one, &two] {
        page.wait("[...document.querySelectorAll('article.message')].at(-2).querySelector('.preview-picture img')?.naturalWidth === 480");
        page.wait("document.querySelectorAll('article.message').length === 2 && !document.querySelector('.icon-clock')");
    }
}
