//! A long history scrolls as one, both ways, without a jump.

use serde_json::json;

use super::browser::{Browser, Screen};
use super::{group, open_flow, sign_in};
use crate::common::Server;
use crate::common::connection::envelope;

const MESSAGES: usize = 10_000;

/// Scrolls by `step` until `goal` is in the page and nothing moves any more; gives how often what
/// was in sight moved by anything but the scrolling.
fn scroll(step: i32, goal: usize) -> String {
    format!(
        "const scroller = document.querySelector('.timeline');
         const frame = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
         const jumps = [];
         let steps = 0, largest = 0;
         const end = Date.now() + 170_000;
         while (Date.now() < end) {{
           const box = scroller.getBoundingClientRect();
           const seen = [...scroller.querySelectorAll('article')].find((one) => one.getBoundingClientRect().bottom > box.top + 200);
           if (!seen) {{ await frame(); continue; }}
           const number = seen.dataset.number, before = seen.getBoundingClientRect().top, top = scroller.scrollTop;
           scroller.scrollTop += {step};
           const moved = scroller.scrollTop - top;
           await frame();
           const again = scroller.querySelector(`article[data-number=\"${{number}}\"]`);
           if (again) {{
             const error = again.getBoundingClientRect().top - (before - moved);
             if (Math.abs(error) > 2) jumps.push([number, error]);
           }}
           steps += 1;
           largest = Math.max(largest, scroller.querySelectorAll('article').length);
           const found = scroller.querySelector('article[data-number=\"{goal}\"]');
           if (found && moved === 0) return {{steps, jumps, largest}};
         }}
         return {{steps, jumps, largest, lost: true}};"
    )
}

#[test]
fn ten_thousand_messages_scroll_without_a_jump() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Long", &[&boris]);
    // Sent without waiting for each answer: that is what pipelining is for.
    for batch in 0..(MESSAGES / 100) {
        for number in batch * 100..(batch + 1) * 100 {
            let words = "words and more words ".repeat(number * 7 % 12);
            let text = format!("#{number} {words}");
            let data =
                anna.signed(&json!({"flow": [{"uuid": flow}], "message": [{"text": text.trim()}]}));
            let frame = envelope("send_message", &data).to_string();
            anna.connection.send_text(frame).expect("sent");
        }
        for _ in 0..100 {
            anna.connection.answer().is(200);
        }
    }
    let page = browser.page(Screen::Desk, "en-GB");
    let tall = json!({"width": 1280, "height": 2000, "deviceScaleFactor": 1, "mobile": false});
    page.devtools("Emulation.setDeviceMetricsOverride", tall);
    sign_in(&page, &server, "boris");
    open_flow(&page, "Long");
    let last = format!(
        "document.querySelector('article[data-number=\"{}\"]')",
        MESSAGES - 1
    );
    page.run("document.querySelector('.timeline').focus()");
    page.press(".timeline", "\u{e010}");
    page.wait(&last);
    page.set_script_patience(180);
    for (step, goal) in [(-1_900, 0), (1_900, MESSAGES - 1)] {
        let result = page.run_async(&scroll(step, goal));
        eprintln!("scrolling by {step}: {result}");
        assert_eq!(result["lost"], json!(null), "{result}");
        assert_eq!(result["jumps"], json!([]), "{result}");
        assert!(result["largest"].as_u64().is_some_and(|most| most <= 260));
        assert!(result["steps"].as_u64().is_some_and(|steps| steps > 100));
    }
    // The keys go all the way at once.
    page.press(".timeline", "\u{e011}");
    page.wait("document.querySelector('article[data-number=\"0\"]')");
    page.press(".timeline", "\u{e010}");
    page.wait(&last);
}
