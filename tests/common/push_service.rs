//! A push service of the tests: takes notifications as the real ones do, and reads them as a device
//! would.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::PATIENCE;

/// A notification that the service was sent.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The service, with the keys of one device.
pub(crate) struct PushService {
    port: u16,
    secret: p256::SecretKey,
    auth: [u8; 16],
    received: Receiver<Received>,
    connections: Arc<AtomicUsize>,
}

impl PushService {
    /// Starts it. What it answers is in the path: `/ok/…`, `/gone/…`, `/missing/…`, `/refused/…`,
    /// `/wait/…` (429 once, then 201), `/fail/…` (500 once), `/busy/…` (500), `/short/…` (413 above 400 bytes),
    /// `/slow/…` (a second each), `/huge/…` (an endless body), `/away/…` (a redirect).
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, received) = channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let failed = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let (sender, failed) = (sender.clone(), Arc::clone(&failed));
                std::thread::spawn(move || serve(stream, &sender, &failed));
            }
        });
        let secret = p256::SecretKey::from_slice(&[7; 32]).expect("a key");
        Self {
            port,
            secret,
            auth: [9; 16],
            received,
            connections,
        }
    }

    /// The address and port, as `[outbound] allow_private` lists them.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What a browser would hand to `push_subscribe`.
    pub(crate) fn subscription(&self, path: &str) -> Value {
        let public = self.secret.public_key().to_encoded_point(false);
        json!({"meta": {
            "endpoint": format!("http://{}{path}", self.address()),
            "p256dh": URL_SAFE_NO_PAD.encode(public.as_bytes()),
            "auth": URL_SAFE_NO_PAD.encode(self.auth),
        }})
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for the next notification.
    #[track_caller]
    pub(crate) fn next(&self) -> Received {
        self.received
            .recv_timeout(PATIENCE)
            .expect("a notification")
    }

    /// What comes within a time.
    pub(crate) fn within(&self, time: Duration) -> Vec<Received> {
        let end = std::time::Instant::now() + time;
        let mut all = Vec::new();
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.received.recv_timeout(left) {
                Ok(received) => all.push(received),
                Err(_) => return all,
            }
        }
    }

    /// Reads a notification as the device does, and checks that it is who it says.
    #[track_caller]
    pub(crate) fn read(&self, received: &Received) -> Value {
        self.check_sender(received);
        let body = &received.body;
        let (salt, rest) = body.split_at(16);
        assert_eq!(&rest[..5], [0, 0, 16, 0, 65], "one record, a key");
        let (public, sealed) = rest[5..].split_at(65);
        let theirs = p256::PublicKey::from_sec1_bytes(public).expect("a point");
        let shared =
            p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), theirs.as_affine());
        let own = self.secret.public_key().to_encoded_point(false);
        let first = derive(
            &self.auth,
            shared.raw_secret_bytes(),
            &[b"WebPush: info\0", own.as_bytes(), public],
            32,
        );
        let key = derive(salt, &first, &[b"Content-Encoding: aes128gcm\0"], 16);
        let nonce = derive(salt, &first, &[b"Content-Encoding: nonce\0"], 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
        let nonce = Nonce::try_assume_unique_for_key(&nonce).expect("a nonce");
        let mut sealed = sealed.to_vec();
        let text = key
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .expect("it opens");
        let end = text.iter().rposition(|byte| *byte != 0).expect("its end");
        assert_eq!(text[end], 2, "the last record");
        serde_json::from_slice(&text[..end]).expect("JSON")
    }

    #[track_caller]
    fn check_sender(&self, received: &Received) {
        let sent = received.header("authorization");
        let sent = sent.strip_prefix("vapid t=").expect("VAPID");
        let (token, key) = sent.split_once(", k=").expect("a key");
        let (text, signature) = token.rsplit_once('.').expect("a signature");
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(key))
            .verify(text.as_bytes(), &bytes(signature))
            .expect("it is signed");
        let claims = bytes(text.split_once('.').expect("claims").1);
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!(claims["aud"], format!("http://{}", self.address()));
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let ends = claims["exp"].as_u64().expect("an end");
        assert!(ends > now && ends <= now + 24 * 3600, "{claims}");
        assert!(
            claims["sub"]
                .as_str()
                .is_some_and(|it| it.starts_with("mailto:")),
            "{claims}"
        );
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive(salt: &[u8], key: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut derived = vec![0; length];
    Salt::new(HKDF_SHA256, salt)
        .extract(key)
        .expand(info, Length(length))
        .and_then(|expanded| expanded.fill(&mut derived))
        .expect("derived");
    derived
}

fn serve(stream: TcpStream, sender: &Sender<Received>, failed: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut stream = stream;
    while let Some(received) = request(&mut reader) {
        let path = received.path.clone();
        let size = received.body.len();
        let first = || {
            let mut failed = failed.lock().expect("alive");
            let is_first = !failed.contains(&path);
            failed.push(path.clone());
            is_first
        };
        let answer = match path.split('/').nth(1).unwrap_or_default() {
            "gone" => "410 Gone\r\n",
            "missing" => "404 Not Found\r\n",
            "refused" => "403 Forbidden\r\n",
            "wait" if first() => "429 Too Many Requests\r\nRetry-After: 1\r\n",
            "fail" if first() => "500 Oops\r\n",
            "busy" => "500 Oops\r\n",
            "short" if size > 400 => "413 Too Large\r\n",
            "away" => "302 Found\r\nLocation: /ok/elsewhere\r\n",
            "huge" => "201 Created\r\nX-Endless: yes\r\n",
            _ => "201 Created\r\n",
        };
        if path.starts_with("/slow/") {
            std::thread::sleep(Duration::from_secs(1));
        }
        let _ = sender.send(received);
        if path.starts_with("/huge/") {
            let head = format!("HTTP/1.1 {answer}Content-Length: 100000000\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(&vec![b'x'; 65536]).is_ok() {}
            return;
        }
        let answer = format!("HTTP/1.1 {answer}Content-Length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

pub(super) fn request(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        path,
        headers,
        body,
    })
}
