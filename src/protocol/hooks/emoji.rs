//! Emoji by the names that programs give them.

/// Names that monitors use, each with its emoji.
const NAMES: [(&str, &str); 100] = [
    ("+1", "👍"),
    ("-1", "👎"),
    ("alarm_clock", "⏰"),
    ("ambulance", "🚑"),
    ("arrow_down", "⬇️"),
    ("arrow_up", "⬆️"),
    ("baby", "👶"),
    ("battery", "🔋"),
    ("bell", "🔔"),
    ("bomb", "💣"),
    ("bug", "🐛"),
    ("bulb", "💡"),
    ("calendar", "📅"),
    ("camera", "📷"),
    ("car", "🚗"),
    ("cat", "🐱"),
    ("cd", "💿"),
    ("chart_with_downwards_trend", "📉"),
    ("chart_with_upwards_trend", "📈"),
    ("clap", "👏"),
    ("cloud", "☁️"),
    ("coffee", "☕"),
    ("computer", "💻"),
    ("construction", "🚧"),
    ("credit_card", "💳"),
    ("dog", "🐶"),
    ("door", "🚪"),
    ("droplet", "💧"),
    ("email", "📧"),
    ("exclamation", "❗"),
    ("eyes", "👀"),
    ("facepalm", "🤦"),
    ("fire", "🔥"),
    ("fire_engine", "🚒"),
    ("floppy_disk", "💾"),
    ("gear", "⚙️"),
    ("ghost", "👻"),
    ("gift", "🎁"),
    ("globe_with_meridians", "🌐"),
    ("green_circle", "🟢"),
    ("hammer", "🔨"),
    ("heart", "❤️"),
    ("heavy_check_mark", "✔️"),
    ("hourglass", "⌛"),
    ("house", "🏠"),
    ("inbox_tray", "📥"),
    ("information_source", "ℹ️"),
    ("key", "🔑"),
    ("large_blue_circle", "🔵"),
    ("large_green_circle", "🟢"),
    ("large_orange_circle", "🟠"),
    ("large_yellow_circle", "🟡"),
    ("link", "🔗"),
    ("lock", "🔒"),
    ("loudspeaker", "📢"),
    ("mag", "🔍"),
    ("mega", "📣"),
    ("memo", "📝"),
    ("money_with_wings", "💸"),
    ("muscle", "💪"),
    ("no_entry", "⛔"),
    ("no_entry_sign", "🚫"),
    ("ok", "🆗"),
    ("orange_circle", "🟠"),
    ("outbox_tray", "📤"),
    ("package", "📦"),
    ("partying_face", "🥳"),
    ("phone", "☎️"),
    ("pizza", "🍕"),
    ("police_car", "🚓"),
    ("pray", "🙏"),
    ("pushpin", "📌"),
    ("question", "❓"),
    ("recycle", "♻️"),
    ("red_circle", "🔴"),
    ("robot", "🤖"),
    ("rocket", "🚀"),
    ("rotating_light", "🚨"),
    ("satellite", "🛰️"),
    ("shield", "🛡️"),
    ("shopping_cart", "🛒"),
    ("skull", "💀"),
    ("snowflake", "❄️"),
    ("sos", "🆘"),
    ("star", "⭐"),
    ("stopwatch", "⏱️"),
    ("sunny", "☀️"),
    ("tada", "🎉"),
    ("thermometer", "🌡️"),
    ("thumbsdown", "👎"),
    ("thumbsup", "👍"),
    ("triangular_flag_on_post", "🚩"),
    ("unlock", "🔓"),
    ("video_camera", "📹"),
    ("warning", "⚠️"),
    ("wave", "👋"),
    ("white_check_mark", "✅"),
    ("wrench", "🔧"),
    ("x", "❌"),
    ("zap", "⚡"),
];

/// Returns the emoji of a name.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    let place = NAMES
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    NAMES.get(place).map(|(_, emoji)| *emoji)
}

/// Replaces emoji names between colons by the emoji.
pub(super) fn in_text(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(':') {
        let (before, from) = rest.split_at(at);
        done.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let found = after.find(':').and_then(|end| {
            let emoji = of_name(after.get(..end)?)?;
            Some((emoji, end + 2))
        });
        if let Some((emoji, length)) = found {
            done.push_str(emoji);
            rest = from.get(length..).unwrap_or_default();
        } else {
            done.push(':');
            rest = after;
        }
    }
    done.push_str(rest);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert!(NAMES.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(of_name("warning"), Some("⚠️"));
        assert_eq!(of_name("washing_machine"), None);
        assert_eq!(
            in_text("12:30 :tada: :no such: a:x:b:"),
            "12:30 🎉 :no such: a❌b:"
        );
    }
}
