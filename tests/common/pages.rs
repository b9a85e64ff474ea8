//! Pages of the internet for tests: a proxy by which the server reaches every host, and which is all of
//! them itself. Tests name hosts by public addresses: looking a name up would ask the real internet.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

/// The proxy, and what it was asked.
pub(crate) struct Pages {
    port: u16,
    asked: Receiver<String>,
}

impl Pages {
    /// Starts it. What is answered is in the path: `/lake` (a page), `/moved` (leads to it), `/inside`
    /// (leads to this machine), `/port` (leads to a port that is none of the web's), `/picture`, `/none`
    /// (a page without a title), `/gone` (404).
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

fn answer(stream: TcpStream, sender: &Sender<String>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let path = target.rsplit('/').next().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let page = "<html><head><title>Ladoga</title><meta property=\"og:title\" content=\"Lake Ladoga\">\
         <meta property=\"og:description\" content=\"The largest lake of Europe\">\
         <meta property=\"og:site_name\" content=\"Lakes\"></head><body>Water</body></html>";
    let (status, more, body) = match path {
        "lake" => ("200 OK", "Content-Type: text/html; charset=utf-8", page),
        "none" => ("200 OK", "Content-Type: text/html", "<p>nothing"),
        "picture" => ("200 OK", "Content-Type: image/svg+xml", page),
        "moved" => ("302 Found", "Location: http://9.9.9.9/lake", ""),
        "inside" => ("302 Found", "Location: http://127.0.0.1/lake", ""),
        "port" => ("302 Found", "Location: http://9.9.9.9:6379/lake", ""),
        _ => ("404 Not Found", "Content-Type: text/html", page),
    };
    let _ = sender.send(head);
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\n{more}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}
