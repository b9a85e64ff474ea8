//! Pages of the internet for tests: a proxy by which the server reaches every host, and which is all of
//! them itself. Tests name hosts by public addresses: looking a name up would ask the real internet.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A picture of 8 by 4 pixels.
pub(crate) const PICTURE: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x08\x00\x00\x00\x04\
      \x08\x02\x00\x00\x00\x3c\xaf\xe9\xa7\x00\x00\x00\x11\x49\x44\x41\x54\x78\xda\x63\x90\x8b\x3a\x81\
      \x15\x31\x50\x4f\x02\x00\xbb\x8d\x28\x01\x71\xf3\x84\x0c\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\
      \x60\x82";

/// An evening at a lake, 480 by 320 pixels.
const VIEW: &str = include_str!("../web/lake.jpg.base64");

/// More than is taken of a picture.
const HUGE: usize = 3 << 20;

/// The proxy, and what it was asked.
pub(crate) struct Pages {
    port: u16,
    asked: Receiver<String>,
}

impl Pages {
    /// Starts it. What is answered is in the path: `/lake` (a page), `/moved` (leads to it), `/inside`
    /// (leads to this machine), `/port` (leads to a port that is none of the web's), `/picture`, `/none`
    /// (a page without a title), `/gone` (404), `/shore` (a page with a picture), `/with?…` (a page whose
    /// picture is there). Pictures: `/lake.png`, `/moved.png` (leads to it), `/lake.svg`, `/liar.png`,
    /// `/short.png` (ends early), `/huge.png`, `/endless.png`, `/silent.png`, `/view.jpg` (a larger one),
    /// `/torn.png` (its head alone), `/vast.png` (says that it has billions of pixels).
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || answer(stream, &sender));
            }
        });
        Self { port, asked }
    }

    /// The proxy's address, as `[outbound] proxy` names it.
    pub(crate) fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The heads of the requests that came since this was asked last.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

fn view() -> Vec<u8> {
    STANDARD.decode(VIEW.trim()).expect("base64")
}

/// The picture, with other numbers in its head.
fn vast() -> Vec<u8> {
    let mut bytes = PICTURE.to_vec();
    bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    bytes
}

fn answer(stream: TcpStream, sender: &Sender<String>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = path.rsplit('/').next().unwrap_or_default();
    let picture = match path {
        "shore" => "/lake.png",
        "with" => query,
        _ => "",
    };
    let tag = if picture.is_empty() {
        String::new()
    } else {
        format!("<meta property=\"og:image\" content=\"{picture}\">")
    };
    let page = format!(
        "<html><head><title>Ladoga</title><meta property=\"og:title\" content=\"Lake Ladoga\">\
         <meta property=\"og:description\" content=\"The largest lake of Europe\">\
         <meta property=\"og:site_name\" content=\"Lakes\">{tag}</head><body>Water</body></html>"
    );
    let page = page.as_bytes();
    let png = "Content-Type: image/png";
    let huge = || [PICTURE, &vec![0; HUGE]].concat();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let (status, more, body) = match path {
        "lake" | "shore" | "with" => (
            "200 OK",
            "Content-Type: text/html; charset=utf-8",
            page.to_vec(),
        ),
        "none" => ("200 OK", "Content-Type: text/html", b"<p>nothing".to_vec()),
        "picture" => ("200 OK", "Content-Type: image/svg+xml", page.to_vec()),
        "moved" => ("302 Found", "Location: http://9.9.9.9/lake", Vec::new()),
        "inside" => ("302 Found", "Location: http://127.0.0.1/lake", Vec::new()),
        "port" => (
            "302 Found",
            "Location: http://9.9.9.9:6379/lake",
            Vec::new(),
        ),
        "lake.png" | "short.png" | "endless.png" | "silent.png" => {
            ("200 OK", png, PICTURE.to_vec())
        }
        "moved.png" => ("302 Found", "Location: http://9.9.9.9/lake.png", Vec::new()),
        "lake.svg" => ("200 OK", "Content-Type: image/svg+xml", svg.to_vec()),
        "view.jpg" => ("200 OK", "Content-Type: image/jpeg", view()),
        "torn.png" => ("200 OK", png, PICTURE[..40].to_vec()),
        "vast.png" => ("200 OK", png, vast()),
        "liar.png" => ("200 OK", png, page.to_vec()),
        "huge.png" => ("200 OK", png, huge()),
        _ => ("404 Not Found", "Content-Type: text/html", page.to_vec()),
    };
    let length = match path {
        "endless.png" | "silent.png" => String::new(),
        "short.png" => format!("Content-Length: {}\r\n", body.len() + 9),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let _ = sender.send(head);
    let stream = reader.get_mut();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\n{more}\r\n{length}Connection: close\r\n\r\n"
    );
    let _ = stream.write_all(&body);
    match path {
        // Whoever reads this goes away at some time.
        "endless.png" => while stream.write_all(&[0; 4096]).is_ok() {},
        "silent.png" => std::thread::sleep(std::time::Duration::from_secs(8)),
        _ => {}
    }
}
