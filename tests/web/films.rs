//! Files that others have sent: films from any second, photographs that are fetched once, and what is
//! never run.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, say, sees, sign_in, write};
use crate::common::{
    Server,
    film::{brightness, film},
    http::upload,
};
use crate::sent_files::{files, send};

/// A line of so many bytes a second.
fn throttle(page: &Page, bytes_per_second: u32) {
    page.devtools("Network.enable", json!({}));
    page.devtools(
        "Network.emulateNetworkConditions",
        json!({
            "offline": false, "latency": 40, "downloadThroughput": bytes_per_second,
            "uploadThroughput": bytes_per_second,
        }),
    );
}

#[test]
fn film_is_watched_from_the_middle_before_it_is_here() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    let id = upload(&server, &anna, &film(60));
    let walk = json!([{
        "upload": id, "kind": "video", "name": "walk.mp4", "width": 128, "height": 96, "duration": 60_000,
    }]);
    let sent = send(&mut anna, &flow, "Our walk", &walk).is(200);
    assert_eq!(files(&sent)[0]["type"], "video/mp4");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    // The whole of it would take forty seconds.
    throttle(&page, 700_000);
    page.click(".play-video");
    page.wait(&format!(
        "{NEWEST}.querySelector('video').currentTime > 0.5"
    ));
    let seen = page.run_async(&format!(
        "const video = {NEWEST}.querySelector('video');
         const grey = () => {{
           const canvas = new OffscreenCanvas(1, 1);
           canvas.getContext('2d').drawImage(video, 0, 0, 1, 1);
           return canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0];
         }};
         const first = grey();
         video.pause();
         const begun = performance.now();
         const found = [];
         for (const second of [42.5, 20.5]) {{
           const sought = new Promise((done) => video.addEventListener('seeked', done, {{once: true}}));
           video.currentTime = second;
           await sought;
           found.push(grey());
         }}
         const gaps = Array.from({{length: video.buffered.length}}, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
         return {{first, found, gaps, took: performance.now() - begun, source: video.currentSrc, width: video.videoWidth, length: video.duration}};"
    ));
    let near = |value: &serde_json::Value, second: u32| {
        let (found, wanted) = (
            value.as_i64().expect("a grey"),
            i64::from(brightness(second)),
        );
        assert!(
            (found - wanted).abs() <= 4,
            "{found} at {second}, not {wanted}: {seen}"
        );
    };
    near(&seen["first"], 0);
    near(&seen["found"][0], 42);
    near(&seen["found"][1], 20);
    assert_eq!((&seen["width"], &seen["length"]), (&json!(128), &json!(60)));
    let source = seen["source"].as_str().expect("an address");
    assert!(
        source.contains("/file/") && source.contains("?t="),
        "{source}"
    );
    // Only parts of it were fetched.
    let got: f64 = seen["gaps"]
        .as_array()
        .expect("ranges")
        .iter()
        .map(|range| range[1].as_f64().unwrap_or(0.0) - range[0].as_f64().unwrap_or(0.0))
        .sum();
    assert!(got < 50.0, "{seen}");
}

/// How long the film is that is sent over a bad line, in seconds; a second has 463,400 bytes.
fn length() -> u32 {
    let seconds = std::env::var("MORELIA_FILM_SECONDS").ok();
    seconds.map_or(65, |seconds| seconds.parse().expect("a number"))
}

/// Plays the newest film from a second on, and checks that it shows that second.
#[track_caller]
fn watch(page: &Page, second: u32) {
    page.click(".play-video");
    page.wait(&format!("{NEWEST}.querySelector('video')?.readyState > 0"));
    let seen = page.run_async(&format!(
        "const video = {NEWEST}.querySelector('video');
         video.pause();
         const sought = new Promise((done) => video.addEventListener('seeked', done, {{once: true}}));
         video.currentTime = {second}.5;
         await sought;
         const canvas = new OffscreenCanvas(1, 1);
         canvas.getContext('2d').drawImage(video, 0, 0, 1, 1);
         return canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0];"
    ));
    let (found, wanted) = (
        seen.as_i64().expect("a grey"),
        i64::from(brightness(second)),
    );
    assert!(
        (found - wanted).abs() <= 4,
        "{found} at {second}, not {wanted}"
    );
}

#[test]
fn film_survives_a_bad_line_a_backup_and_a_new_machine() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &flow, "Look what we did");
    let (sender, viewer) = (
        browser.page(Screen::Desk, "en-GB"),
        browser.page(Screen::Phone, "en-GB"),
    );
    for (page, login) in [(&sender, "anna"), (&viewer, "boris")] {
        sign_in(page, &server, login);
        open_flow(page, "Family");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("walk.mp4");
    std::fs::write(&path, film(length())).expect("written");
    // About twenty seconds for all of it, at whatever length.
    let line = length() * 463_400 / 20;
    throttle(&sender, line);
    sender.press(".composer input[type=file]", path.to_str().expect("UTF-8"));
    sender
        .wait("document.querySelector('.tray-item') && !document.querySelector('.send').disabled");
    sender.click(".send");
    for (number, share) in [(1, 0.15), (2, 0.5)] {
        sender.wait(&format!(
            "document.querySelector('article.message progress')?.value > {share}"
        ));
        // Words overtake it.
        let words = format!("It is on its way, {number}");
        write(&sender, &words);
        sees(&viewer, &words);
        let offline = |is_offline: bool| {
            sender.devtools(
                "Network.emulateNetworkConditions",
                json!({
                    "offline": is_offline, "latency": 40, "downloadThroughput": line,
                    "uploadThroughput": line,
                }),
            );
        };
        offline(true);
        std::thread::sleep(std::time::Duration::from_secs(2));
        let progress = "return document.querySelector('article.message progress')?.value ?? 0";
        let before = sender.run(progress);
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert_eq!(sender.run(progress), before, "it goes on without a network");
        offline(false);
    }
    viewer.wait(&format!("{NEWEST}.querySelector('.play-video')"));
    let middle = length() / 2;
    watch(&viewer, middle);
    // Another machine, and nothing but the backup.
    server.command(["backup"]).run().exits(0);
    server.stop();
    let mut elsewhere = Server::initialised("open", &[]);
    let from = server.folder().join("backups");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&from, &elsewhere.folder().join("backups")])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    let entries = std::fs::read_dir(elsewhere.folder().join("backups")).expect("copies");
    let copy = entries
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|it| it == "db"));
    let copy = copy.expect("a copy");
    elsewhere
        .command(["restore", copy.to_str().expect("UTF-8"), "--yes"])
        .run()
        .exits(0);
    elsewhere.serve();
    let viewer = browser.page(Screen::Phone, "en-GB");
    sign_in(&viewer, &elsewhere, "boris");
    open_flow(&viewer, "Family");
    viewer.wait(&format!("{NEWEST}.querySelector('.play-video')"));
    watch(&viewer, middle);
}

#[test]
fn what_could_run_does_not() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[]);
    let work = "localStorage.hit = 1; document.cookie = 'hit=1'";
    let bad = [
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' onload=\"{work}\"><script>{work}</script></svg>"
        ),
        format!("<!doctype html><script>{work}</script><body onload=\"{work}\">"),
        format!(
            "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>{work}</script></html>"
        ),
    ];
    let page = browser.page(Screen::Desk, "en-GB");
    let ticket = anna.ask("file_ticket", &serde_json::Value::Null).is(200);
    let ticket = ticket.data()["meta"]["ticket"].as_str().expect("text");
    page.open(&server, "/");
    for bytes in &bad {
        let id = upload(&server, &anna, bytes.as_bytes());
        for kind in ["picture", "video", "document"] {
            let names = json!([{"upload": id, "kind": kind, "name": "look.html"}]);
            let sent = send(&mut anna, &flow, "", &names).is(200);
            let id = files(&sent)[0]["id"].as_str().expect("an id").to_owned();
            for path in [format!("/file/{id}"), format!("/file/{id}/look.svg")] {
                let path = format!("{path}?t={ticket}");
                page.run(&format!("location.href = {}", json!(path)));
                page.run_async(&format!(
                    "const image = new Image();
                     image.src = {};
                     document.body.append(image);
                     await new Promise((next) => setTimeout(next, 150));",
                    json!(path)
                ));
            }
        }
    }
    page.open(&server, "/");
    let hit = page.run("return [localStorage.hit ?? null, document.cookie]");
    assert_eq!(hit, json!([null, ""]));
}

/// A photograph of so many bytes: what is in between is skipped by whoever draws it.
fn photo(bytes: usize) -> Vec<u8> {
    use base64::Engine as _;
    let text: String = include_str!("lake.jpg.base64").split_whitespace().collect();
    let lake = base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64");
    let mut photo = lake[..2].to_vec();
    while photo.len() + lake.len() < bytes {
        photo.extend(b"\xff\xe0\xff\xff");
        photo.extend(vec![7; 65_533]);
    }
    photo.extend(&lake[2..]);
    photo
}

/// How many photographs a conversation has, and how large each is.
const PHOTOS: usize = 61;
const PHOTO_BYTES: usize = 300_000;

#[test]
fn photographs_are_fetched_once_and_words_do_not_wait_for_them() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    let [large, small] = [PHOTO_BYTES, 0].map(|bytes| upload(&server, &anna, &photo(bytes)));
    for number in 1..=PHOTOS {
        let photo = json!([{
            "upload": large, "kind": "picture", "width": 1600, "height": 1200,
            "thumbnail": {"upload": small, "width": 320, "height": 240},
        }]);
        send(&mut anna, &flow, &format!("Photograph {number}"), &photo).is(200);
    }
    let other = group(&mut anna, "Texts", &[&boris]);
    say(&mut anna, &other, "Only words");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    page.wait("document.querySelector('a.row time')");
    let moved =
        "performance.getEntriesByType('resource').filter((one) => one.name.includes('/file/'))";
    let count = |what: &str| {
        let count = page.run(&format!("return {moved}{what}.length"));
        count.as_u64().expect("a number")
    };
    // The list of conversations needs none of them.
    assert_eq!(count(""), 0, "the list fetched some");
    throttle(&page, 250_000);
    page.run("performance.clearResourceTimings(); performance.setResourceTimingBufferSize(2000); window.begun = performance.now()");
    open_flow(&page, "Family");
    sees(&page, &format!("Photograph {PHOTOS}"));
    let readable = page.run("return Math.round(performance.now() - window.begun)");
    throttle(&page, 20_000_000);
    // Those that are far up wait until somebody looks.
    page.wait(&format!("[...document.querySelectorAll('.picture img')].some((one) => one.naturalWidth > 0) && {moved}.length > 0"));
    page.settle();
    let first = count("");
    assert!(first < 61, "{first} files were fetched at once");
    // Everything is looked at, from the last to the first.
    let all = format!(
        "const list = [...document.querySelectorAll('article.message')];
         for (const message of list.reverse()) {{
           message.scrollIntoView();
           const image = message.querySelector('.picture img');
           for (let i = 0; image && i < 200 && !(image.complete && image.naturalWidth > 0); i += 1) await new Promise((next) => setTimeout(next, 25));
         }}
         return [list.length, new Set({moved}.map((one) => one.name)).size, {moved}.length];"
    );
    let seen = page.run_async(&all);
    assert_eq!(seen[1], seen[2], "some came twice: {seen}");
    assert!(seen[1].as_u64() >= seen[0].as_u64(), "{seen}");
    // What is on its way comes to its end.
    page.run_async(&format!(
        "for (let before = -1, i = 0; i < 20 && before !== {moved}.length; i += 1) {{
           before = {moved}.length;
           await new Promise((next) => setTimeout(next, 2000));
         }}"
    ));
    // Again, from what the page or the browser has kept.
    page.reload();
    page.run("performance.setResourceTimingBufferSize(2000)");
    sees(&page, &format!("Photograph {PHOTOS}"));
    page.wait("[...document.querySelectorAll('.picture img')].some((one) => one.naturalWidth > 0)");
    page.run_async(&all);
    let again = page.run(&format!(
        "return {moved}.filter((one) => one.transferSize > 0).map((one) => [one.name, one.transferSize])"
    ));
    assert_eq!(again, json!([]), "moved twice");
    eprintln!("{PHOTOS} photographs of {PHOTO_BYTES} bytes at 2 Mbit/s: words after {readable} ms");
    assert!(
        readable.as_u64().is_some_and(|ms| ms < 5_000),
        "{readable} ms"
    );
}

#[test]
fn what_moves_goes_on_and_what_is_long_stays_readable() {
    let (server, browser) = (Server::start(), Browser::start());
    let page = browser.page(Screen::Desk, "en-GB");
    page.open(&server, "/");
    let found = page.run_async(
        r"const root = document.querySelector('script[type=module]').src.replace('main.js', 'media/');
          const [{isAnimated}, {scaleOf, prepare}] = await Promise.all(['sniff.js', 'shrink.js'].map((name) => import(root + name)));
          const bytes = (text) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
          const png = (name) => bytes(`\x89PNG\r\n\x1a\n\0\0\0\0${name}crc!\0\0\0\0IDATcrc!`);
          const moving = [
            [bytes('GIF89a'), 'image/gif'], [png('acTL'), 'image/png'], [png('tEXt'), 'image/png'],
            [bytes('RIFF0000WEBPVP8X\x0a\0\0\0\x02'), 'image/webp'], [bytes('RIFF0000WEBPVP8X\x0a\0\0\0\x10'), 'image/webp'],
            [bytes('0000ftypavis'), 'image/avif'], [bytes('\xff\xd8'), 'image/jpeg'],
          ].map(([start, mime]) => isAnimated(start, mime));
          const scales = [[3200, 2400], [800, 600], [1080, 12000], [2160, 9000], [40000, 1000]].map(([w, h]) => scaleOf(w, h));
          // A page of a telephone, photographed from its screen.
          const canvas = new OffscreenCanvas(1080, 6000);
          const context = canvas.getContext('2d');
          for (let y = 0; y < 6000; y += 3) { context.fillStyle = `hsl(${y} 90% 50%)`; context.fillRect(0, y, 1080, 3); }
          const {width, height} = await prepare(new File([await canvas.convertToBlob({type: 'image/png'})], 'page.png'));
          return {moving, scales, page: [width, height]};",
    );
    assert_eq!(
        found["moving"],
        json!([true, true, false, true, false, true, false])
    );
    assert_eq!(found["scales"], json!([0.5, 1, 1, 0.5, 0.4]));
    assert_eq!(found["page"], json!([1080, 6000]));
}
