//! Files by themselves: albums, films, voices, what is large, and a network that drops.

use std::fmt::Write as _;

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, say, sees, sign_in, write};
use crate::common::Server;

/// Two people in "Family", each looking at it.
fn family<'a>(server: &Server, browser: &'a Browser) -> (Page<'a>, Page<'a>) {
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &flow, "First words");
    let one = browser.page(Screen::Phone, "en-GB");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&one, server, "anna");
    sign_in(&two, server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    sees(&two, "First words");
    (one, two)
}

/// Gives files to the field, as a person chooses them: `[[name, type, expression of a Blob]]`.
fn choose(page: &Page, files: &[(&str, &str, &str)]) {
    let mut script = String::from("const data = new DataTransfer();\n");
    for (name, kind, blob) in files {
        let _ = writeln!(
            script,
            "data.items.add(new File([await ({blob})], {}, {{type: {}}}));",
            json!(name),
            json!(kind)
        );
    }
    script.push_str(
        "const field = document.querySelector('.composer input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    page.run_async(&script);
    page.wait("document.querySelector('.tray-item') && !document.querySelector('.send').disabled");
}

/// A picture of one colour, as a JPEG.
fn picture(colour: &str) -> String {
    format!(
        "(async () => {{
           const canvas = document.createElement('canvas');
           canvas.width = 900; canvas.height = 600;
           const context = canvas.getContext('2d');
           context.fillStyle = '{colour}';
           context.fillRect(0, 0, 900, 600);
           return new Promise((done) => canvas.toBlob(done, 'image/jpeg'));
         }})()"
    )
}

#[test]
fn album_is_one_message_and_opens_in_full() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    let pictures = ["red", "green", "blue"].map(picture);
    choose(
        &one,
        &[
            ("1.jpg", "image/jpeg", &pictures[0]),
            ("2.jpg", "image/jpeg", &pictures[1]),
            ("3.jpg", "image/jpeg", &pictures[2]),
        ],
    );
    one.wait("document.querySelectorAll('.tray-item img').length === 3");
    write(&one, "Our summer");
    sees(&two, "Our summer");
    two.wait(&format!(
        "[...{NEWEST}.querySelectorAll('.album img')].filter((one) => one.naturalWidth > 0).length === 3"
    ));
    one.wait(&format!("{NEWEST}.querySelector('[class*=icon-check]')"));
    two.click(".album .picture:nth-child(2)");
    two.wait("document.querySelector('.lightbox-stage img')?.naturalWidth === 900 && document.querySelector('.lightbox-bar').textContent.includes('2/3')");
    two.click(".lightbox-next");
    two.wait("document.querySelector('.lightbox-bar').textContent.includes('3/3') && document.querySelector('.lightbox-next').hidden");
    two.run("history.back()");
    two.wait("!document.querySelector('dialog') && document.querySelector('.conversation')");
    // More of them stand three in a row: an album is no longer than a screen.
    let many: Vec<_> = (0..6)
        .map(|hue| picture(&format!("hsl({hue}0 80% 50%)")))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|one| ("m.jpg", "image/jpeg", one.as_str()))
        .collect();
    choose(&one, &many);
    write(&one, "Our autumn");
    sees(&two, "Our autumn");
    two.wait(&format!("getComputedStyle({NEWEST}.querySelector('.album')).gridTemplateColumns.split(' ').length === 3"));
    // All of them again in the gallery.
    two.run("location.hash = location.hash.replace(/\\/m.*$/, '') + '/media'");
    two.wait("[...document.querySelectorAll('.tile img')].filter((one) => one.naturalWidth > 0).length === 9");
}

#[test]
fn picture_that_cannot_be_had_says_so_until_it_can() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    two.devtools("Network.enable", json!({}));
    two.devtools("Network.setBlockedURLs", json!({"urls": ["*/file/*"]}));
    choose(&one, &[("1.jpg", "image/jpeg", &picture("red"))]);
    one.click(".send");
    two.wait(&format!(
        "{NEWEST}.querySelector('.picture.absent span')?.textContent === 'This file will be available when you are back online'"
    ));
    two.wait(&format!("!{NEWEST}.querySelector('canvas.blur')"));
    two.devtools("Network.setBlockedURLs", json!({"urls": []}));
    two.run("dispatchEvent(new Event('online'))");
    two.wait(&format!(
        "{NEWEST}.querySelector('.picture:not(.absent) img')?.naturalWidth === 900"
    ));
}

#[test]
fn large_file_goes_on_after_a_break_and_texts_overtake_it() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    // Slow enough to be broken off in the middle.
    one.devtools("Network.enable", json!({}));
    one.devtools("Network.emulateNetworkConditions", json!({"offline": false, "latency": 5, "downloadThroughput": 20_000_000, "uploadThroughput": 6_000_000}));
    choose(
        &one,
        &[(
            "films.bin",
            "application/octet-stream",
            "(async () => new Blob(Array.from({length: 24}, (_, i) => new Uint8Array(1048576).fill(i + 1))))()",
        )],
    );
    one.click(".send");
    one.wait("document.querySelector('article.message progress')?.value > 0.2");
    // How much of it is gone can be read, and seen: the bar is not of the browser's own drawing.
    one.wait("/^[\\d.]+ MB \\/ 25 MB$/.test(document.querySelector('article.message .sent-part')?.textContent)");
    one.wait("getComputedStyle(document.querySelector('article.message progress')).appearance === 'none'");
    write(&one, "It is on its way");
    sees(&two, "It is on its way");
    one.wait("navigator.serviceWorker.controller");
    server.kill();
    one.wait("document.documentElement.dataset.connection !== 'ready'");
    one.reload();
    server.serve();
    one.wait("document.documentElement.dataset.connection === 'ready'");
    two.wait(&format!(
        "{NEWEST}.querySelector('a.file[download=\"films.bin\"]')"
    ));
    let sum = two.run_async(
        "const {blobOf} = await import(document.querySelector('script[type=module]').src.replace('main.js', 'media/loader.js'));
         const id = (await (async () => { for (;;) { const db = await new Promise((done) => { const open = indexedDB.open('morelia'); open.onsuccess = () => done(open.result); });
           const all = await new Promise((done) => { const get = db.transaction('tails').objectStore('tails').getAll(); get.onsuccess = () => done(get.result); }); db.close();
           const file = all.flatMap((tail) => tail.messages).flatMap((message) => message.files).find((one) => one.name === 'films.bin'); if (file) return file; await new Promise((next) => setTimeout(next, 200)); } })()).id;
         const bytes = new Uint8Array(await (await blobOf({id, kind: 'document'})).arrayBuffer());
         return [bytes.length, bytes[0], bytes[5 * 1048576 + 7], bytes.at(-1)];",
    );
    assert_eq!(sum, json!([24 * 1_048_576, 1, 6, 24]));
}

#[test]
fn film_plays_in_pieces() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    let film = "(async () => {
        const canvas = document.createElement('canvas');
        canvas.width = 320; canvas.height = 180;
        const context = canvas.getContext('2d');
        const recorder = new MediaRecorder(canvas.captureStream(20), {mimeType: 'video/webm'});
        const pieces = [];
        recorder.ondataavailable = (event) => pieces.push(event.data);
        recorder.start();
        for (let i = 0; i < 30; i += 1) { context.fillStyle = `hsl(${i * 12} 80% 50%)`; context.fillRect(0, 0, 320, 180); await new Promise((next) => setTimeout(next, 50)); }
        const end = new Promise((done) => { recorder.onstop = done; });
        recorder.stop();
        await end;
        return new Blob(pieces, {type: 'video/webm'});
      })()";
    choose(&one, &[("walk.webm", "video/webm", film)]);
    one.click(".send");
    two.wait(&format!(
        "{NEWEST}.querySelector('.play-video .play-poster')?.naturalWidth > 0"
    ));
    two.click(".play-video");
    two.wait(&format!(
        "(() => {{ const video = {NEWEST}.querySelector('video'); return video.currentSrc.includes('/file/') && video.currentSrc.includes('t=') && video.videoWidth === 320; }})()"
    ));
}

#[test]
fn voice_is_recorded_and_heard() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    one.click(".voice");
    one.wait("document.querySelector('.voice-bar .voice-time')?.textContent >= '0:02'");
    one.click(".voice-bar .send");
    two.wait(&format!(
        "{NEWEST}.querySelectorAll('.voice-player .wave i').length === 40"
    ));
    two.wait(&format!(
        "{NEWEST}.querySelector('.voice-player .voice-time').textContent >= '0:02'"
    ));
    two.click(".voice-play");
    two.wait("document.querySelector('.voice-player .icon-pause')");
    two.wait("document.querySelector('.wave i.done')");
    two.click(".voice-speed");
    two.wait("document.querySelector('.voice-speed').textContent === '1.5×'");
    // Thrown away: nothing is sent.
    one.click(".voice");
    one.wait("document.querySelector('.voice-bar')");
    one.click(".voice-bar .icon-button:first-child");
    one.wait("!document.querySelector('.voice-bar')");
    write(&one, "Only once");
    sees(&two, "Only once");
    two.wait("document.querySelectorAll('.voice-player').length === 1");
}

#[test]
fn place_of_a_picture_stays_at_home() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two) = family(&server, &browser);
    let tagged = format!(
        "(async () => {{
           const plain = new Uint8Array(await (await {}).arrayBuffer());
           const exif = [...'Exif\\0\\0MM\\0*'].map((sign) => sign.charCodeAt(0));
           const body = [...exif, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, ...[...'GPS 59.93 30.33'].map((sign) => sign.charCodeAt(0))];
           return new Blob([plain.slice(0, 2), Uint8Array.from([0xff, 0xe1, 0, body.length + 2, ...body]), plain.slice(2)]);
         }})()",
        picture("teal")
    );
    choose(&one, &[("home.jpg", "image/jpeg", &tagged)]);
    one.click(".send");
    two.wait(&format!(
        "{NEWEST}.querySelector('.picture img')?.naturalWidth === 900"
    ));
    // The server has it nowhere: not in the database, its log or its folder.
    assert!(
        !holds(server.folder(), b"GPS 59.93"),
        "it reached the server"
    );
}

/// Whether a file below a folder has these bytes somewhere.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        let content = std::fs::read(&path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}
