//! Second thoughts: what is deleted comes back for a moment, what is edited tells what it said before.

use serde_json::json;

use super::access::passes;
use super::answers::{family, open_menu, take};
use super::browser::{Browser, Page, Screen};
use super::{NEWEST, open_flow, sees, sign_in, write};
use crate::common::Server;

/// The server takes the newest message.
fn sent(page: &Page) {
    page.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
}

#[test]
fn deleted_message_comes_back_until_the_moment_is_over() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, _flow) = family(&server, &browser);
    open_menu(&one, "Sunday");
    take(&one, "Delete");
    sees(&one, "Message deleted");
    one.wait("document.querySelector('.toast.undo')?.textContent.includes('Message deleted')");
    // A pointer rests on it while it is looked at.
    one.run(
        "document.querySelector('.toast.undo').dispatchEvent(new PointerEvent('pointerenter'))",
    );
    passes(&one);
    one.click(".toast.undo button");
    sees(&one, "Who is coming on Sunday?");
    one.wait("!document.querySelector('.toast.undo')");
    // What was taken back is never asked for.
    one.run_async("await new Promise((next) => setTimeout(next, 6_000));");
    sees(&two, "Who is coming on Sunday?");
    // While a pointer rests on the way back, the moment does not pass; a page that goes ends it.
    open_menu(&one, "Sunday");
    take(&one, "Delete");
    one.wait("document.querySelector('.toast.undo')");
    one.run(
        "document.querySelector('.toast.undo').dispatchEvent(new PointerEvent('pointerenter'))",
    );
    one.run_async("await new Promise((next) => setTimeout(next, 6_000));");
    sees(&two, "Who is coming on Sunday?");
    one.open(&server, "/version");
    sees(&two, "Message deleted");
    let left = anna.ask("find_message", &json!({"meta": {"query": "Sunday"}}));
    assert_eq!(left.messages().len(), 0, "{left:?}");
}

#[test]
fn deletion_without_a_connection_waits_for_it() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    // The page comes again without a server only when the service worker has it.
    one.wait("navigator.serviceWorker.controller");
    server.kill();
    one.wait("document.documentElement.dataset.connection !== 'ready'");
    open_menu(&one, "Sunday");
    take(&one, "Delete");
    sees(&one, "Message deleted");
    // The page goes before there is a connection again.
    one.reload();
    server.serve();
    one.wait("document.documentElement.dataset.connection === 'ready'");
    sees(&one, "Message deleted");
    sees(&two, "Message deleted");
    one.wait("!Object.keys(localStorage).some((key) => key.startsWith('morelia.removing.'))");
}

/// Waits until the browser's database holds that the newest message said "At one" before.
const KEEPS_WHAT_IT_SAID: &str = "
    for (let found; found !== 'At one';) {
      await new Promise((next) => setTimeout(next, 50));
      const open = indexedDB.open('morelia');
      const db = await new Promise((done) => { open.onsuccess = () => done(open.result); });
      const all = db.transaction('tails').objectStore('tails').getAll();
      const tails = await new Promise((done) => { all.onsuccess = () => done(all.result); });
      db.close();
      found = tails[0]?.messages.at(-1)?.before;
    }";

#[test]
fn edited_message_tells_what_it_said_before() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    write(&one, "At noon");
    sees(&two, "At noon");
    sent(&one);
    one.press(".composer-field", "\u{e013}");
    write(&one, "At one");
    sees(&two, "At one");
    let before = |page: &Page, text: &str| {
        page.wait(&format!("{NEWEST}.querySelector('.edited')"));
        page.run(&format!("{NEWEST}.querySelector('.edited').click()"));
        page.wait(&format!(
            "document.querySelector('dialog')?.textContent.includes('Before the edit') && document.querySelector('dialog').textContent.includes({})",
            json!(text)
        ));
        page.run("history.back()");
        page.wait("!document.querySelector('dialog')");
    };
    before(&one, "At noon");
    before(&two, "At noon");
    // What was hidden before the edit is hidden there too.
    one.press(".composer-field", "\u{e013}");
    write(&one, "||At two|| or so");
    sees(&two, "or so");
    one.press(".composer-field", "\u{e013}");
    write(&one, "At one");
    two.wait(&format!(
        "{NEWEST}.querySelector('.text').textContent.startsWith('At one')"
    ));
    two.run(&format!("{NEWEST}.querySelector('.edited').click()"));
    two.wait("document.querySelector('dialog .before')?.textContent === 'At two or so'");
    two.wait("getComputedStyle(document.querySelector('dialog .before .spoiler-text')).visibility === 'hidden'");
    two.run("history.back()");
    two.wait("!document.querySelector('dialog')");
    // One step back, no more.
    one.press(".composer-field", "\u{e013}");
    write(&one, "At two");
    sees(&two, "At two");
    before(&two, "At one");
    // It outlives the page; who comes later has not seen it.
    two.run_async(KEEPS_WHAT_IT_SAID);
    two.reload();
    two.wait("document.documentElement.dataset.connection === 'ready'");
    sees(&two, "At two");
    before(&two, "At one");
    let three = browser.page(Screen::Desk, "en-GB");
    sign_in(&three, &server, "boris");
    open_flow(&three, "Family");
    sees(&three, "At two");
    before(&three, "This device did not receive");
}

#[test]
fn colours_stand_for_a_picture_until_it_is_there() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, flow) = family(&server, &browser);
    // No file reaches the other one until it is let through.
    two.devtools(
        "Fetch.enable",
        json!({"patterns": [{"urlPattern": "*/file/*"}]}),
    );
    one.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 900; canvas.height = 600;
         const context = canvas.getContext('2d');
         context.fillStyle = 'rgb(200, 30, 30)';
         context.fillRect(0, 0, 900, 600);
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'red.jpg', {type: 'image/jpeg'}));
         const field = document.querySelector('.composer input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    one.wait(
        "document.querySelector('.tray-item img') && !document.querySelector('.send').disabled",
    );
    one.click(".send");
    sent(&one);
    two.wait("document.querySelector('.picture canvas.blur')");
    let colour = two.run("return [...document.querySelector('.picture canvas.blur').getContext('2d').getImageData(16, 16, 1, 1).data]");
    let parts: Vec<_> = colour
        .as_array()
        .expect("a pixel")
        .iter()
        .filter_map(serde_json::Value::as_i64)
        .collect();
    assert!(parts[0] > 170 && parts[1] < 70 && parts[2] < 70, "{colour}");
    two.devtools("Fetch.disable", json!({}));
    two.wait("document.querySelector('.picture img').naturalWidth > 0 && !document.querySelector('.picture canvas.blur')");
    // The server keeps it with the file.
    let page = json!({"flow": [{"uuid": flow, "message_start": 1, "message_end": 1}]});
    let page = anna
        .ask_with_meta("all_messages", &page, &json!({"accept": ["rich"]}))
        .is(200);
    let id = page.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let hash = &page.data()["meta"]["about"][&id]["files"][0]["blurhash"];
    assert_eq!(hash.as_str().map(str::len), Some(28), "{hash}");
}

#[test]
fn back_closes_the_signs_and_leaves_the_conversation_open() {
    let (server, browser) = (Server::start(), Browser::start());
    let (_one, two, ..) = family(&server, &browser);
    for _ in 0..2 {
        two.click(".emoji-button");
        two.wait("document.querySelector('.emoji-panel')");
        two.run("history.back()");
        two.wait("!document.querySelector('.emoji-panel') && document.querySelector('.emoji-button').ariaExpanded === 'false'");
    }
    // The next one leads to the list.
    two.run("history.back()");
    two.wait("!document.querySelector('.conversation')");
}
