//! Signed posts. Source: Standard Webhooks, <https://www.standardwebhooks.com>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::hmac;

use super::{Request, Url};

/// Returns a post of JSON with its id, time and signature.
#[must_use]
pub fn post(url: Url, body: Vec<u8>, id: &str, seconds: i64, secret: &[u8]) -> Request {
    let signature = sign(&body, id, seconds, secret);
    Request::post(url, Bytes::from(body))
        .header("Content-Type", "application/json")
        .header("Webhook-Id", id)
        .header("Webhook-Timestamp", seconds.to_string())
        .header("Webhook-Signature", signature)
}

fn sign(body: &[u8], id: &str, seconds: i64, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{id}.{seconds}.").as_bytes());
    signing.update(body);
    format!("v1,{}", STANDARD.encode(signing.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn it_signs_as_the_standard_does() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            sign(body, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, &secret),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
