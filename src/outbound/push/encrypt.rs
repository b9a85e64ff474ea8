//! Encryption for one device. Source: RFC 8291, with the single record of RFC 8188 that push services accept.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::PushError;

/// The lengths to which a text is padded, with the byte that ends it, so that its length reveals little.
const LENGTHS: [usize; 3] = [256, 1024, 3993];

/// The longest text.
pub const MAX_BYTES: usize = LENGTHS[2] - 1;

/// The record size that is announced. There is one record.
const RECORD_BYTES: u32 = 4096;

const PUBLIC_BYTES: usize = 65;
const SALT_BYTES: usize = 16;

/// The keys of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushKeys {
    /// Its public key, as an uncompressed point.
    pub p256dh: [u8; PUBLIC_BYTES],
    /// Its secret.
    pub auth: [u8; 16],
}

/// The length of a derived key in bytes.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl PushKeys {
    /// Returns the keys of a device.
    ///
    /// # Errors
    /// [`PushError::BadKeys`] for keys of another length.
    pub fn new(p256dh: &[u8], auth: &[u8]) -> Result<Self, PushError> {
        Ok(Self {
            p256dh: p256dh.try_into().map_err(|_| PushError::BadKeys)?,
            auth: auth.try_into().map_err(|_| PushError::BadKeys)?,
        })
    }

    /// Encrypts a text for the device, with a new key.
    ///
    /// # Errors
    /// [`PushError::BadKeys`], [`PushError::TooLong`].
    pub fn seal(&self, text: &[u8]) -> Result<Vec<u8>, PushError> {
        const FAILED: PushError = PushError::BadKeys;
        let random = SystemRandom::new();
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(|_| FAILED)?;
        let public = own.compute_public_key().map_err(|_| FAILED)?;
        let public: [u8; PUBLIC_BYTES] = public.as_ref().try_into().map_err(|_| FAILED)?;
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt).map_err(|_| FAILED)?;
        let length = LENGTHS.into_iter().find(|length| text.len() < *length);
        let length = length.ok_or(PushError::TooLong)?;
        let device = UnparsedPublicKey::new(&ECDH_P256, self.p256dh);
        agree_ephemeral(own, &device, |secret| {
            self.seal_by(secret, &public, salt, text, length)
        })
        .map_err(|_| FAILED)?
    }

    /// Encrypts with a secret that both sides know.
    fn seal_by(
        &self,
        secret: &[u8],
        public: &[u8; PUBLIC_BYTES],
        salt: [u8; SALT_BYTES],
        text: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, PushError> {
        let first = derive(
            &self.auth,
            secret,
            &[b"WebPush: info\0", &self.p256dh, public],
            32,
        )?;
        let key = derive(&salt, &first, &[b"Content-Encoding: aes128gcm\0"], 16)?;
        let nonce = derive(&salt, &first, &[b"Content-Encoding: nonce\0"], 12)?;
        let mut record = text.to_vec();
        // The delimiter of the text in the last record.
        record.push(2);
        record.resize(length, 0);
        let failed = |_| PushError::BadKeys;
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).map_err(failed)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).map_err(failed)?;
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)
            .map_err(failed)?;
        let mut body = Vec::with_capacity(SALT_BYTES + 5 + PUBLIC_BYTES + record.len());
        body.extend_from_slice(&salt);
        body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
        body.push(65);
        body.extend_from_slice(public);
        body.extend_from_slice(&record);
        Ok(body)
    }
}

fn derive(salt: &[u8], key: &[u8], info: &[&[u8]], length: usize) -> Result<Vec<u8>, PushError> {
    let mut derived = vec![0; length];
    Salt::new(HKDF_SHA256, salt)
        .extract(key)
        .expand(info, Length(length))
        .and_then(|expanded| expanded.fill(&mut derived))
        .map_err(|_| PushError::BadKeys)?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn keys() -> PushKeys {
        let public = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        PushKeys::new(&bytes(public), &bytes("BTBZMqHH6r4Tts7J_aSIgg")).unwrap()
    }

    /// RFC 8291, appendix A, starting from the shared secret: ring cannot import a private key.
    #[test]
    fn example_of_the_standard_is_met() {
        let public = bytes(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let text = b"When I grow up, I want to be a watermelon";
        let body = keys()
            .seal_by(
                &bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
                &public.try_into().unwrap(),
                bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
                text,
                text.len() + 1,
            )
            .unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc\
             InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWG\
             NWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn lengths_say_little_and_fit_into_one_record() {
        for (length, padded) in [
            (0, 256),
            (255, 256),
            (256, 1024),
            (1023, 1024),
            (1024, 3993),
            (MAX_BYTES, 3993),
        ] {
            let body = keys().seal(&vec![b'x'; length]).unwrap();
            assert_eq!(body.len(), 86 + padded + 16, "{length}");
            assert!(body.len() <= 4096);
        }
        let long = keys().seal(&[b'x'; MAX_BYTES + 1]);
        assert_eq!(long, Err(PushError::TooLong));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert!(PushKeys::new(&[4; 64], &[0; 16]).is_err());
        assert!(PushKeys::new(&[4; 65], &[0; 15]).is_err());
        let beside = PushKeys::new(&[4; 65], &[0; 16]).unwrap();
        assert_eq!(beside.seal(b"x"), Err(PushError::BadKeys));
    }
}
