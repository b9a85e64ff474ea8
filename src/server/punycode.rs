//! Host names in other scripts as they are sent: `чат.example` is `xn--80a0bn.example` (RFC 3492).

use unicode_normalization::UnicodeNormalization as _;

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST: u32 = 128;

/// Returns a name as browsers send it, in lower case. A part that is too long stays as it is.
pub(super) fn to_ascii(name: &str) -> String {
    let name = name.to_lowercase();
    let parts: Vec<String> = name.split('.').map(part).collect();
    parts.join(".")
}

fn part(part: &str) -> String {
    if part.is_ascii() {
        return part.to_owned();
    }
    let composed: Vec<u32> = part.nfc().map(u32::from).collect();
    encode(&composed).map_or_else(|| part.to_owned(), |encoded| format!("xn--{encoded}"))
}

/// Returns the ASCII characters, a hyphen, and where to insert the others.
fn encode(input: &[u32]) -> Option<String> {
    let plain = input.iter().filter_map(|sign| u8::try_from(*sign).ok());
    let mut out: String = plain.filter(u8::is_ascii).map(char::from).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (FIRST, 0_u32, FIRST_BIAS, basic);
    let all = u32::try_from(input.len()).ok()?;
    while handled < all {
        let next = input.iter().copied().filter(|sign| *sign >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for sign in input {
            if *sign < n {
                delta = delta.checked_add(1)?;
            }
            if *sign == n {
                number(delta, bias, &mut out)?;
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

/// Appends a number in digits whose weight depends on the bias.
fn number(delta: u32, bias: u32, out: &mut String) -> Option<()> {
    let mut rest = delta;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            out.push(digit(rest)?);
            return Some(());
        }
        out.push(digit(threshold + (rest - threshold) % (BASE - threshold))?);
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
}

/// Returns a to z, then 0 to 9.
fn digit(value: u32) -> Option<char> {
    char::from_digit((value + 10) % BASE, BASE)
}

fn adapt(delta: u32, points: u32, is_first: bool) -> u32 {
    let mut delta = delta / if is_first { DAMP } else { 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_browsers_send_them() {
        let cases = [
            ("Chat.Example", "chat.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("ПРИМЕР.рф", "xn--e1afmkfd.xn--p1ai"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("españa.es", "xn--espaa-rta.es"),
            ("faß.de", "xn--fa-hia.de"),
            ("", ""),
        ];
        for (name, ascii) in cases {
            assert_eq!(to_ascii(name), ascii);
        }
    }
}
