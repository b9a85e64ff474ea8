//! The client against servers on this machine that behave badly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Starts a server that gives every connection to `answer`, and counts them.
async fn server<F, G>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> G + Send + Sync + 'static,
    G: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream));
        }
    });
    (address, count)
}

/// Reads the head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Starts a server that answers every request with the same bytes.
async fn saying(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    server(move |mut stream| async move {
        while !head(&mut stream).await.is_empty() {
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

/// Returns a client that may go to these private addresses, with a given lookup.
fn client(allowed: &[SocketAddr], lookup: Option<Lookup>) -> Client {
    Client::new(Settings {
        allowed: Allowed {
            addresses: allowed.to_vec(),
            ..Allowed::default()
        },
        lookup,
        ..Settings::default()
    })
    .unwrap()
}

fn names(addresses: Vec<SocketAddr>) -> (Lookup, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let lookup: Lookup = Arc::new(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    });
    (lookup, count)
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn listed() -> Rules {
    Rules::new(Private::Listed)
}

#[tokio::test]
async fn private_addresses_are_refused_before_anything_connects() {
    let (address, seen) = saying(FINE).await;
    let port = address.port();
    let (lookup, _) = names(vec![address]);
    let client = client(&[], Some(lookup));
    for text in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[64:ff9b::7f00:1]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("https://innocent.example.org:{port}/"),
        format!("http://localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ] {
        for private in [Private::Refused, Private::Listed] {
            let refused = client
                .send(Request::get(url(&text)), Rules::new(private))
                .await;
            assert!(
                matches!(refused, Err(OutboundError::Private { .. })),
                "{text}: {refused:?}"
            );
        }
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_only_good_addresses_are_used() {
    let (address, seen) = saying(FINE).await;
    let (bad, bad_seen) = saying(FINE).await;
    let (lookup, looked) = names(vec![bad, address]);
    let client = client(&[address], Some(lookup));
    let answer = client
        .send(Request::get(url("http://rebind.example.org/")), listed())
        .await
        .unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"fine"[..]));
    assert_eq!(looked.load(Ordering::SeqCst), 1);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert_eq!(bad_seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_are_looked_at_anew() {
    let (hidden, hidden_seen) = saying(FINE).await;
    let (address, _) = server(move |mut stream| async move {
        head(&mut stream).await;
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{hidden}/\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let client = client(&[address], None);
    let ask = |redirects| {
        let request = Request::get(url(&format!("http://{address}/")));
        let rules = Rules {
            redirects,
            ..listed()
        };
        client.send(request, rules)
    };
    assert_eq!(ask(0).await.unwrap().status, 302);
    let refused = ask(3).await;
    assert!(
        matches!(refused, Err(OutboundError::Private { .. })),
        "{refused:?}"
    );
    assert_eq!(hidden_seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let answer = "HTTP/1.1 307 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let (address, seen) = saying(answer).await;
    let rules = Rules {
        redirects: 3,
        ..listed()
    };
    let request = Request::get(url(&format!("http://{address}/")));
    let answer = client(&[address], None).send(request, rules).await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(seen.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn plain_connections_stay_in_the_own_network() {
    let (address, _) = saying(FINE).await;
    let own = names(vec![address]).0;
    let rules = Rules {
        plain: false,
        ..listed()
    };
    let request = || Request::get(url("http://ntfy.example.org/"));
    let answer = client(&[address], Some(own)).send(request(), rules).await;
    assert_eq!(answer.unwrap().status, 200);
    let public = names(vec!["1.1.1.1:80".parse().unwrap()]).0;
    let refused = client(&[], Some(public)).send(request(), rules).await;
    assert!(
        matches!(refused, Err(OutboundError::Plain { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn huge_bodies_are_cut() {
    let (address, _) = server(|mut stream| async move {
        head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while stream.write_all(piece.as_bytes()).await.is_ok() {}
    })
    .await;
    let request = Request::get(url(&format!("http://{address}/")));
    let answer = client(&[address], None).send(request, listed()).await;
    let answer = answer.unwrap();
    assert_eq!(answer.body.len(), 64 * 1024);
    assert!(answer.is_cut);
}

#[tokio::test]
async fn answers_that_never_end_are_given_up() {
    let (drip, _) = server(|mut stream| async move {
        head(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let (silent, _) = server(|stream| async move {
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(stream);
    })
    .await;
    let rules = Rules {
        time: Duration::from_millis(200),
        ..listed()
    };
    for address in [drip, silent] {
        let request = Request::get(url(&format!("http://{address}/")));
        let answer = client(&[address], None).send(request, rules).await;
        assert!(
            matches!(answer, Err(OutboundError::TimedOut { .. })),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let (address, _) = server(|mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"X-More: aaaaaaaaaaaaaaaa\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let (nonsense, _) = saying("SSH-2.0-OpenSSH\r\n").await;
    for address in [address, nonsense] {
        let request = Request::get(url(&format!("http://{address}/")));
        let answer = client(&[address], None).send(request, listed()).await;
        assert!(
            matches!(answer, Err(OutboundError::Invalid { .. })),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn connections_are_used_again_when_they_may_be() {
    let (address, seen) = saying(FINE).await;
    let client = client(&[address], None);
    let rules = Rules {
        reuse: true,
        ..listed()
    };
    let request = || Request::post(url(&format!("http://{address}/")), "text".into());
    // The body is part of the next head that the server reads, which does not matter here.
    for _ in 0..3 {
        let answer = client.send(request(), rules).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    client.send(request(), listed()).await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_request() {
    let (address, seen) = server(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(FINE.as_bytes()).await.unwrap();
    })
    .await;
    let client = client(&[address], None);
    let rules = Rules {
        reuse: true,
        ..listed()
    };
    for _ in 0..3 {
        let request = Request::get(url(&format!("http://{address}/")));
        assert_eq!(client.send(request, rules).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

/// Returns a client that uses a proxy.
fn by_proxy(proxy: SocketAddr, lookup: Lookup) -> Client {
    Client::new(Settings {
        proxy: Some(url(&format!("http://{proxy}"))),
        lookup: Some(lookup),
        ..Settings::default()
    })
    .unwrap()
}

#[tokio::test]
async fn a_proxy_is_asked_for_hosts_that_are_public() {
    let (proxy, seen) = server(|mut stream| async move {
        let asked = head(&mut stream).await;
        let answer = if asked.starts_with("CONNECT push.example.org:443 HTTP/1.1\r\n") {
            "HTTP/1.1 403 Forbidden\r\n\r\n"
        } else if asked.starts_with("GET http://plain.example.org/x HTTP/1.1\r\n") {
            FINE
        } else {
            "HTTP/1.1 500 No\r\n\r\n"
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let public = names(vec!["1.1.1.1:443".parse().unwrap()]).0;
    let client = by_proxy(proxy, public);
    let answer = client
        .send(Request::get(url("http://plain.example.org/x")), listed())
        .await;
    assert_eq!(answer.unwrap().status, 200);
    let refused = client
        .send(Request::get(url("https://push.example.org/")), listed())
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the proxy does not connect to push.example.org: it answers 403"
    );
    // A name that is known to be private is not even sent to the proxy.
    let before = seen.load(Ordering::SeqCst);
    let private = names(vec!["10.0.0.1:443".parse().unwrap()]).0;
    let refused = by_proxy(proxy, private)
        .send(Request::get(url("https://inside.example.org/")), listed())
        .await;
    assert!(matches!(refused, Err(OutboundError::Private { .. })));
    assert_eq!(seen.load(Ordering::SeqCst), before);
    // A name that only the proxy knows is left to the proxy.
    let unknown: Lookup = Arc::new(|_, _| Box::pin(async { Err(std::io::Error::other("none")) }));
    let refused = by_proxy(proxy, unknown)
        .send(Request::get(url("https://push.example.org/")), listed())
        .await;
    assert!(matches!(refused, Err(OutboundError::Proxy { .. })));
}

#[tokio::test]
async fn certificates_are_checked() {
    let made = rcgen::generate_simple_self_signed(["push.example.org".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![made.cert.der().clone()],
        rustls::pki_types::PrivateKeyDer::Pkcs8(key.into()),
    )
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (address, _) = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(FINE.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let ask = |authorities: Option<Vec<u8>>, host: &'static str| async move {
        let client = Client::new(Settings {
            authorities,
            allowed: Allowed {
                all: true,
                ..Allowed::default()
            },
            lookup: Some(names(vec![address]).0),
            ..Settings::default()
        })
        .unwrap();
        client.send(Request::get(url(host)), listed()).await
    };
    let pem = made.cert.pem().into_bytes();
    let answer = ask(Some(pem.clone()), "https://push.example.org/").await;
    assert_eq!(answer.unwrap().status, 200);
    for (authorities, host) in [
        (None, "https://push.example.org/"),
        (Some(pem), "https://other.example.org/"),
    ] {
        let refused = ask(authorities, host).await;
        assert!(
            matches!(refused, Err(OutboundError::Tls { .. })),
            "{refused:?}"
        );
    }
    let nothing = Client::new(Settings {
        authorities: Some(b"no certificate".to_vec()),
        ..Settings::default()
    });
    assert!(matches!(nothing, Err(OutboundError::Authorities)));
}
