//! The configuration profile with which Apple's systems install an authority.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Authority;

/// Returns the profile. The same authority gives the same profile, so that it is replaced and not added.
pub(super) fn of(authority: &Authority) -> String {
    let name = escaped(&authority.name);
    let content = STANDARD.encode(&authority.der);
    let (outer, inner) = (uuid(authority, 0), uuid(authority, 32));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadCertificateFileName</key>
			<string>morelia.cer</string>
			<key>PayloadContent</key>
			<data>{content}</data>
			<key>PayloadDisplayName</key>
			<string>{name}</string>
			<key>PayloadIdentifier</key>
			<string>morelia.authority.{inner}</string>
			<key>PayloadType</key>
			<string>com.apple.security.root</string>
			<key>PayloadUUID</key>
			<string>{inner}</string>
			<key>PayloadVersion</key>
			<integer>1</integer>
		</dict>
	</array>
	<key>PayloadDisplayName</key>
	<string>{name}</string>
	<key>PayloadIdentifier</key>
	<string>morelia.profile.{outer}</string>
	<key>PayloadRemovalDisallowed</key>
	<false/>
	<key>PayloadType</key>
	<string>Configuration</string>
	<key>PayloadUUID</key>
	<string>{outer}</string>
	<key>PayloadVersion</key>
	<integer>1</integer>
</dict>
</plist>
"#
    )
}

/// Returns a UUID of 32 digits of the fingerprint.
fn uuid(authority: &Authority, from: usize) -> String {
    let digits = authority
        .fingerprint
        .get(from..from + 32)
        .unwrap_or_default();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_the_same_for_the_same_authority() {
        let authority = Authority {
            name: "Morelia <pi> & co".to_owned(),
            der: vec![1, 2, 3],
            pem: String::new(),
            fingerprint: "0123456789ABCDEF".repeat(4),
            names: Vec::new(),
        };
        let text = of(&authority);
        assert!(text.contains("<string>Morelia &lt;pi&gt; &amp; co</string>"));
        assert!(text.contains("<data>AQID</data>"));
        assert!(
            text.contains("01234567-89AB-4DEF-8123-456789ABCDEF"),
            "{text}"
        );
        assert_eq!(text, of(&authority));
    }
}
