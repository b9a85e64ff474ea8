//! Two people talk, each in a browser of their own.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use crate::common::Server;

/// Opens what can be done with the newest message and takes the item of this name.
fn act_on_newest(page: &Page, item: &str) {
    page.run(&format!(
        "const bubble = {NEWEST}.querySelector('.bubble');
         bubble.dispatchEvent(new MouseEvent('contextmenu', {{bubbles: true, cancelable: true, clientX: 500, clientY: 300}}));
         [...document.querySelectorAll('.menu-item')].find((one) => one.textContent === {}).click();",
        json!(item)
    ));
}

/// Two people in the group "Family", each looking at it.
fn family<'a>(server: &Server, browser: &'a Browser) -> (Page<'a>, Page<'a>) {
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, server, "anna");
    sign_in(&two, server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    (one, two)
}

#[test]
fn what_one_writes_the_other_reads() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    one.fill(".composer-field", "Hello");
    two.wait("document.querySelector('.head-status').textContent === 'anna is typing…'");
    write(&one, "Hello, see https://a.example/x.");
    sees(&two, "Hello, see https://a.example/x.");
    two.wait(&format!(
        "{NEWEST}.querySelector('a[href=\"https://a.example/x\"][rel~=noopener]')"
    ));
    one.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
    // Shift and Enter is a new line, not a message.
    one.press(
        ".composer-field",
        "two\u{e008}\u{e007}\u{e000}lines\u{e007}",
    );
    two.wait(&format!(
        "{NEWEST}.querySelector('.text').textContent.startsWith('two\\nlines')"
    ));

    // Arrow up edits the last own message.
    one.press(".composer-field", "\u{e013}");
    one.wait("!document.querySelector('.composer-bar').hidden");
    write(&one, "three lines");
    sees(&two, "three lines");
    sees(&two, "edited");
    act_on_newest(&one, "Delete");
    sees(&one, "Message deleted");
    sees(&two, "Message deleted");
    two.wait("document.querySelectorAll('article.message').length === 2");
}

#[test]
fn chat_with_a_person_is_one_tap() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("anna");
    server.register("Борис");
    let one = browser.page(Screen::Phone, "en-GB");
    let two = browser.page(Screen::Desk, "ru-RU");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "Борис");
    one.click(".fab");
    one.fill(".picker input", "бор");
    one.wait("document.querySelectorAll('.picker .person').length === 1");
    one.click(".picker .person");
    one.wait("document.querySelector('.empty-flow')");
    write(&one, "Привет!");
    // The other gets the chat, and that there is something new in it.
    two.wait("document.querySelector('a.row .badge')?.textContent === '1'");
    assert_eq!(two.run("return document.title"), "(1) Morelia");
    open_flow(&two, "anna");
    sees(&two, "Привет!");
    two.wait("!document.querySelector('a.row .badge')");
    one.wait("document.querySelector('.head-status').textContent === 'online'");
}

#[test]
fn pictures_and_files_travel() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    // A large picture is made smaller before it travels.
    one.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 3000; canvas.height = 2000;
         const context = canvas.getContext('2d');
         for (let i = 0; i < 400; i += 1) { context.fillStyle = `hsl(${i} 80% 50%)`; context.fillRect((i * 37) % 3000, (i * 91) % 2000, 400, 300); }
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'lake.png', {type: 'image/png'}));
         const field = document.querySelector('.composer-field');
         field.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));",
    );
    one.wait("document.querySelector('.tray-item img')");
    write(&one, "The lake");
    sees(&two, "The lake");
    two.wait(&format!(
        "{NEWEST}.querySelector('.picture img').naturalWidth === 1600"
    ));
    two.click("article.message .picture");
    two.wait("document.querySelector('dialog.lightbox img').naturalHeight === 1067");
    two.run("document.querySelector('dialog.lightbox').close()");

    let file = server.folder().join("page.html");
    std::fs::write(&file, "<script>alert(1)</script>").expect("a file");
    one.press(".composer input[type=file]", &file.to_string_lossy());
    one.wait("document.querySelector('.tray-file') && !document.querySelector('.send').disabled");
    one.click(".send");
    // It is saved under its name and never opened: downloading is all that its link does.
    two.wait(&format!(
        "{NEWEST}.querySelector('a.file[download=\"page.html\"]:not([target])')"
    ));
}

#[test]
fn search_finds_and_jumps() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    for number in 0..300 {
        let text = if number == 40 {
            "the needle in it".to_owned()
        } else {
            format!("hay {number}")
        };
        super::say(&mut anna, &flow, &text);
    }
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "boris");
    page.click(".search-pill");
    page.fill(".search-box input", "needle");
    page.wait("document.querySelector('.hit mark')?.textContent === 'needle'");
    page.click(".hit");
    page.wait("document.querySelector('article.message[data-number=\"40\"].lit')");
    page.wait(
        "(() => { const box = document.querySelector('article.lit').getBoundingClientRect(); return box.top > 60 && box.bottom < innerHeight - 60; })()",
    );
    page.click(".to-newest");
    page.wait("document.querySelector('article.message[data-number=\"299\"]')");
}

#[test]
fn members_come_and_go() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    server.register("clara");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "clara");
    open_flow(&one, "Family");
    one.click(".head-title");
    one.wait("document.querySelector('.info')");
    one.run("[...document.querySelectorAll('.info .action')].find((row) => row.textContent === 'Add people').click()");
    one.wait("[...document.querySelectorAll('dialog .person')].some((row) => row.textContent.includes('clara'))");
    one.run("[...document.querySelectorAll('dialog .person')].find((row) => row.textContent.includes('clara')).click()");
    one.click("dialog .button:not(.quiet)");
    open_flow(&two, "Family");
    one.wait("document.querySelector('.info .hero .hint').textContent === '3 members'");
    // Renamed: the other sees it at once.
    one.click(".hero .button");
    one.fill("dialog input[name=title]", "The family");
    one.click("dialog .button:not(.quiet)");
    two.wait("document.querySelector('.head-name').textContent === 'The family'");
    // Put out again: the conversation closes.
    one.wait("!document.querySelector('dialog')");
    one.run(
        "const row = [...document.querySelectorAll('.info .person')].find((row) => row.textContent.includes('clara'));
         row.scrollIntoView({ block: 'center' });
         row.click();",
    );
    one.click(".menu-item.danger");
    one.click("dialog .button:not(.quiet)");
    two.wait("!document.querySelector('.conversation') && document.querySelectorAll('a.row').length === 0");
}

#[test]
fn channel_is_for_reading() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = json!({"flow": [{"type": "channel", "title": "News", "users": [boris.id]}]});
    anna.ask("add_flow", &flow).is(200);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "News");
    open_flow(&two, "News");
    two.wait("document.querySelector('.read-only') && !document.querySelector('.composer')");
    write(&one, "The road is open");
    sees(&two, "The road is open");
}

#[test]
fn profile_shows_to_others() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    one.run("location.hash = '#/settings/profile'");
    one.fill("input[name=username]", "Anna Petrova");
    one.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 640; canvas.height = 480;
         const context = canvas.getContext('2d');
         context.fillStyle = '#2a7'; context.fillRect(0, 0, 640, 480);
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'me.png', {type: 'image/png'}));
         const field = document.querySelector('.page-form input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    one.wait("document.querySelector('dialog canvas')");
    one.click("dialog .button:not(.quiet)");
    one.wait("document.querySelector('.page-form .avatar img')");
    one.click(".page-form > .button");
    one.wait("document.querySelector('.toast')?.textContent === 'Saved'");
    two.click(".head-title");
    two.wait("[...document.querySelectorAll('.info .person')].some((row) => row.textContent.includes('Anna Petrova') && row.querySelector('img')?.naturalWidth === 320)");
}

/// How many conversations the list shows.
fn shows(page: &Page, count: usize) {
    page.wait(&format!(
        "document.querySelectorAll('.flow-list a.row').length === {count}"
    ));
}

#[test]
fn a_chat_in_which_nothing_was_written_is_not_shown_to_the_other() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let mut clara = server.register("clara");
    let [from_boris, from_clara] =
        [&mut boris, &mut clara].map(|person| person.add_flow("chat", "", &[&anna]));
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "anna");
    // As if there were none.
    page.wait("document.querySelector('.empty-list .button')");
    shows(&page, 0);
    clara.send(&from_clara, "Are you there?");
    shows(&page, 1);
    boris.send(&from_boris, "Hello");
    shows(&page, 2);
    // Who has opened one sees it, and who goes there.
    let dora = server.register("dora");
    let of_anna = anna.add_flow("chat", "", &[&dora]);
    let desk = browser.page(Screen::Desk, "en-GB");
    sign_in(&desk, &server, "anna");
    shows(&desk, 3);
    let other = browser.page(Screen::Desk, "en-GB");
    sign_in(&other, &server, "dora");
    other.wait("document.querySelector('.empty-list .button')");
    other.run(&format!("location.hash = '#/f/{of_anna}'"));
    other.wait("document.querySelector('.composer')");
    shows(&other, 1);
}
