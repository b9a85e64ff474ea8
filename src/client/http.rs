//! One plain HTTP request: what the commands request from a server outside the protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::connection::dial;
use super::{Address, ClientError, Trust};

/// How long an answer may take, including name lookup and handshakes.
const LIMIT: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read.
const MAX_BYTES: u64 = 1 << 20;

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its body, if its status allows one.
    pub body: String,
}

/// Sends a GET request with headers besides `Host`, and returns its answer.
///
/// # Errors
/// [`ClientError::Unreachable`] if nothing answers in time, [`ClientError::NotMtp`] if the answer
/// is not HTTP.
pub async fn get(
    address: &Address,
    trust: &Trust,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<HttpAnswer, ClientError> {
    let tls = address.is_secure().then(|| trust.config()).transpose()?;
    let unreachable = |cause: String| ClientError::Unreachable {
        address: address.to_string(),
        cause,
    };
    let exchange = async {
        let mut stream = dial(address, tls).await?;
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", host(address));
        for (name, value) in headers {
            for part in [name, ": ", value, "\r\n"] {
                request.push_str(part);
            }
        }
        request.push_str("\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let mut bytes = Vec::new();
        let mut limited = stream.take(MAX_BYTES);
        let mut buffer = [0; 4096];
        while !is_whole(&bytes) {
            match limited.read(&mut buffer).await {
                Ok(0) => break,
                Ok(read) => bytes.extend_from_slice(&buffer[..read]),
                // Some peers end TLS without a close notification.
                Err(_) if !bytes.is_empty() => break,
                Err(error) => return Err(unreachable(error.to_string())),
            }
        }
        Ok(bytes)
    };
    let bytes = timeout(LIMIT, exchange)
        .await
        .map_err(|_| ClientError::TimedOut {
            address: address.to_string(),
            waited_s: LIMIT.as_secs(),
        })??;
    parse(&bytes).ok_or_else(|| ClientError::NotMtp {
        address: address.to_string(),
        cause: "its answer is no HTTP".to_owned(),
    })
}

/// Returns host and port as in the `Host` header: without the default port of the scheme.
fn host(address: &Address) -> String {
    let host = if address.host().contains(':') {
        format!("[{}]", address.host())
    } else {
        address.host().to_owned()
    };
    let usual = if address.is_secure() { 443 } else { 80 };
    if address.port() == usual {
        host
    } else {
        format!("{host}:{}", address.port())
    }
}

/// Returns whether an answer is complete; one without a length ends with its connection.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    if head.split(' ').nth(1) == Some("101") {
        return true;
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| bytes.len() >= head.len() + 4 + length)
}

fn parse(bytes: &[u8]) -> Option<HttpAnswer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    Some(HttpAnswer {
        status,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_where_their_length_says() {
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab"));
        assert!(is_whole(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nab"));
        assert_eq!(
            parse(b"HTTP/1.1 426 Upgrade Required\r\n\r\nno").map(|a| (a.status, a.body)),
            Some((426, "no".to_owned()))
        );
        assert!(parse(b"SSH-2.0-OpenSSH\r\n\r\n").is_none());
    }
}
