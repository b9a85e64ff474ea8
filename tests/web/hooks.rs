//! What programs say by hooks, as people see it.

use super::answers::swipe;
use super::browser::{Browser, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use serde_json::json;

use crate::administration::ask;
use crate::common::{Server, http, receiver::Receiver};
use crate::hooks::hook;

#[test]
fn programs_speak_under_the_names_of_their_hooks() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    let hooks = ["Washing machine", "Door"].map(|name| hook(&mut anna, &flow, name));
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    let post = |secret: &str, text: &str| {
        let path = format!("/hook/{secret}");
        http::send(&server, "POST", &path, "", text.as_bytes()).is(200);
        sees(&page, text);
    };
    let author = |name: &str| {
        page.wait(&format!("{NEWEST}.classList.contains('first') && {NEWEST}.querySelector('.author').textContent === '{name}'"));
    };
    post(&hooks[0], "The laundry is done");
    author("Washing machine");
    // Another program is another voice, though one bot writes for both.
    post(&hooks[1], "Somebody rings");
    author("Door");
    // Also in the answer to one.
    swipe(&page, "Somebody rings");
    let answered = "document.querySelector('.composer-bar')?.textContent.includes('Door')";
    page.wait(answered);
    write(&page, "I open");
    page.wait(&format!(
        "{NEWEST}.querySelector('.quote strong')?.textContent === 'Door'"
    ));
    post(&hooks[1], "Somebody rings again");
    page.run("location.hash = '#/'");
    page.wait("document.querySelector('a.row .row-author')?.textContent.startsWith('Door')");
    // And so after a reload, from the server and from the copy of the last visit.
    page.reload();
    page.wait("document.querySelector('a.row .row-author')?.textContent.startsWith('Door')");
}

#[test]
fn an_owner_gives_an_address_a_face() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    let secret = hook(&mut anna, &flow, "Dryer");
    let path = format!("/hook/{secret}");
    http::send(&server, "POST", &path, "", b"ready").is(200);
    let owner = browser.page(Screen::Phone, "en-GB");
    sign_in(&owner, &server, "anna");
    owner.run(&format!("location.hash = '#/f/{flow}/info'"));
    owner.click(".hooks-of");
    // On a phone too, the name has a line of its own, and nothing runs under the buttons.
    owner.wait("document.querySelector('.hooks .row bdi')");
    let room = owner.run(
        "const words = document.querySelector('.hooks .row > span:not(.avatar)');
         const button = document.querySelector('.hooks .row .button').getBoundingClientRect();
         const box = words.getBoundingClientRect();
         return box.width > 150 && words.scrollWidth <= words.clientWidth
             && (box.bottom <= button.top || box.right <= button.left)",
    );
    assert_eq!(room, true);
    owner.click(".hook-edit");
    owner.wait("document.querySelector('dialog input[type=file]')");
    owner.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 400; canvas.height = 400;
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'dryer.png', {type: 'image/png'}));
         const field = document.querySelector('dialog input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    owner.wait("document.querySelector('dialog canvas')");
    owner.run("document.querySelector('form.crop').requestSubmit()");
    owner.wait("document.querySelector('dialog .hook-face .avatar img')");
    owner.fill("dialog input[name=name]", "Tumble dryer");
    owner.run("[...document.querySelectorAll('dialog form')].at(-1).requestSubmit()");
    owner.wait("document.querySelector('.hooks .row .avatar img')?.naturalWidth === 320");
    owner.wait("document.querySelector('.hooks .row bdi')?.textContent === 'Tumble dryer'");
    // Who reads the messages sees it beside them; an emoji where there is one and no picture.
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    page.wait(&format!(
        "{NEWEST}.querySelector('.gutter .avatar img')?.naturalWidth === 320"
    ));
    owner.click(".hook-edit");
    owner.click(".hook-faceless");
    owner.run("[...document.querySelectorAll('dialog form')].at(-1).requestSubmit()");
    owner.wait(
        "document.querySelector('.hooks .row') && !document.querySelector('.hooks .row .avatar')",
    );
    let slack = br#"{"text": "hot", "username": "Oven", "icon_emoji": ":fire:"}"#;
    http::send(&server, "POST", &format!("{path}/slack"), "", slack).is(200);
    sees(&page, "hot");
    page.wait(&format!(
        "{NEWEST}.querySelector('.gutter .initials')?.dataset.text === '\u{1f525}'"
    ));
}

#[test]
fn an_owner_says_which_addresses_are_told_of_what() {
    let receiver = Receiver::start();
    let server = Server::with(&[("outbound.allow_private", &receiver.address())]);
    let browser = Browser::start();
    let mut admin = server.sign_in("admin");
    let flow = group(&mut admin, "Family", &[]);
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "admin");
    page.run(&format!("location.hash = '#/f/{flow}/info'"));
    page.click(".hooks-of");
    page.wait(
        "document.querySelector('.outgoing .hint')?.textContent === 'No addresses are notified.'",
    );
    page.click(".out-make");
    let submit = "[...document.querySelectorAll('dialog form')].at(-1).requestSubmit()";
    // Told of nothing it would be of no use.
    let url = format!("{}/long/{}", receiver.url(), "a".repeat(80));
    page.fill("dialog input[name=url]", &url);
    page.click("dialog input[name=on-message]");
    page.run(submit);
    page.wait(
        "document.querySelector('dialog .form-error:not(:empty)')?.textContent.includes('Choose')",
    );
    for event in ["message", "edit"] {
        page.click(&format!("dialog input[name=on-{event}]"));
    }
    page.fill("dialog input[name=trigger]", "!");
    page.run(submit);
    page.wait("document.querySelector('.secret')?.value.startsWith('whsec_')");
    let secret = page.run("return document.querySelector('.secret').value");
    let secret = secret.as_str().expect("a secret");
    page.run("[...document.querySelectorAll('dialog')].at(-1).close()");
    page.wait(
        "document.querySelector('.outgoing .row small')?.textContent === 'new messages, edited messages · only after “!”'",
    );
    let message = admin.send(&flow, "!one");
    assert_eq!(receiver.told(secret)["message"]["text"], "!one");
    admin.edit(&message, "!two").is(200);
    assert_eq!(receiver.told(secret)["type"], "message.edited");
    page.click(".out-test");
    assert_eq!(receiver.told(secret)["type"], "test");
    // What is told stands on top of the dialog, where it is seen and heard.
    page.wait(
        "document.querySelector('dialog:modal .toast')?.textContent.includes('accepted the test')",
    );
    page.wait("document.querySelector('.out-remove')");
    page.click(".out-remove");
    page.wait("document.querySelectorAll('dialog').length === 2");
    page.settle();
    let fits = page.run(
        "const [head] = [...document.querySelectorAll('dialog')].at(-1).querySelectorAll('h2');
         return head.textContent.includes('/long/') && head.scrollWidth <= head.clientWidth",
    );
    assert_eq!(fits, true, "a long address is cut off");
    page.run(
        "[...document.querySelectorAll('dialog')].at(-1).querySelector('.button.danger').click()",
    );
    page.wait(
        "document.querySelector('.outgoing .hint')?.textContent === 'No addresses are notified.'",
    );
    // The notices outlive the dialog.
    page.run("[...document.querySelectorAll('dialog')].at(-1).close()");
    page.wait("document.querySelector('body > #toasts') && !document.querySelector('dialog')");
    let listed = ask(&mut admin, "list_outgoing", &json!({"flow": flow})).is(200);
    assert_eq!(listed.data()["meta"]["outgoing"], json!([]));
}

#[test]
fn what_went_wrong_is_told_in_the_readers_language() {
    let receiver = Receiver::start();
    let server = Server::with(&[("outbound.allow_private", "127.0.0.1")]);
    let browser = Browser::start();
    let mut admin = server.sign_in("admin");
    let flow = group(&mut admin, "Family", &[]);
    hook(&mut admin, &flow, "Washing machine");
    for url in ["http://127.0.0.1:1/", &receiver.url()] {
        let order = json!({"flow": flow, "url": url, "events": ["edit"]});
        ask(&mut admin, "make_outgoing", &order).is(200);
    }
    let page = browser.page(Screen::Phone, "ru-RU");
    sign_in(&page, &server, "admin");
    page.run(&format!("location.hash = '#/f/{flow}/info'"));
    page.click(".hooks-of");
    page.wait("document.querySelectorAll('.out-test').length === 2");
    let test = |url: &str, told: &str| {
        let row = format!(
            "[...document.querySelectorAll('.outgoing .row')].find((one) => one.querySelector('bdi').textContent === {})",
            json!(url)
        );
        page.wait(&row);
        page.run(&format!("{row}.querySelector('.out-test').click()"));
        page.wait(&format!(
            "[...document.querySelectorAll('.toast')].some((one) => one.textContent === {})",
            json!(told)
        ));
    };
    test("http://127.0.0.1:1/", "Связаться с адресом не удалось");
    receiver.answers(&[(502, "")]);
    test(&receiver.url(), "Запрос не принят: адрес ответил HTTP 502");
    // A picture for which there is no room.
    let order = json!({"user": admin.id, "quota": 10});
    ask(&mut admin, "set_user", &order).is(200);
    page.click(".hook-edit");
    page.wait("document.querySelector('dialog input[type=file]')");
    page.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 400; canvas.height = 400;
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'dryer.png', {type: 'image/png'}));
         const field = document.querySelector('dialog input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    page.wait("document.querySelector('dialog canvas')");
    page.run("document.querySelector('form.crop').requestSubmit()");
    page.wait("document.querySelector('dialog .hook-face .avatar img')");
    page.run("[...document.querySelectorAll('dialog form')].at(-1).requestSubmit()");
    page.wait("[...document.querySelectorAll('dialog .form-error')].some((one) => one.textContent.startsWith('Это больше, чем принимает сервер'))");
}
