//! `service unit --sockets`: the units with which systemd listens on the ports in place of the server,
//! which then needs no permission for ports below 1024.

use std::fmt::Write as _;

use crate::config::{Config, Encryption};

/// The folder of the administrator's units.
const FOLDER: &str = "/etc/systemd/system";

/// Returns a shell script that writes the units and makes systemd listen.
pub(super) fn script(config: &Config) -> String {
    let mut text = String::from("set -e\n");
    let all = ports(config);
    for (name, port) in &all {
        let unit = unit(config, name, *port);
        let _ = writeln!(
            text,
            "cat > {FOLDER}/morelia-{name}.socket <<'END'\n{unit}END"
        );
    }
    let units: Vec<_> = all
        .iter()
        .map(|(name, _)| format!("morelia-{name}.socket"))
        .collect();
    let units = units.join(" ");
    text += "systemctl daemon-reload\n";
    // A server that listens by itself holds the ports until it has stopped.
    text += "systemctl stop morelia.service\n";
    let _ = writeln!(text, "systemctl enable --now {units}");
    text += "systemctl start morelia.service\n";
    text
}

/// Returns the ports by their protocol.
fn ports(config: &Config) -> Vec<(&'static str, u16)> {
    let server = &config.server;
    if config.encryption() == Encryption::None {
        return vec![("http", server.port)];
    }
    let mut ports = vec![("https", server.port)];
    if server.http_port != 0 {
        ports.push(("http", server.http_port));
    }
    ports
}

fn unit(config: &Config, name: &str, port: u16) -> String {
    let host = config.server.host.as_str();
    let address = match host {
        // Both IPv4 and IPv6, as far as the machine has them.
        "0.0.0.0" | "::" => port.to_string(),
        "localhost" => format!("127.0.0.1:{port}"),
        host if host.contains(':') => format!("[{host}]:{port}"),
        host => format!("{host}:{port}"),
    };
    format!(
        "[Unit]\n\
         Description=Morelia, {name}\n\
         \n\
         [Socket]\n\
         ListenStream={address}\n\
         FileDescriptorName={name}\n\
         Service=morelia.service\n\
         Backlog={}\n\
         NoDelay=yes\n\
         \n\
         [Install]\n\
         WantedBy=sockets.target\n",
        config.server.backlog
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_a_unit_of_its_name() {
        let mut config = Config::default();
        let plain = script(&config);
        assert!(
            plain.contains("\nListenStream=8000\nFileDescriptorName=http\n"),
            "{plain}"
        );
        assert!(!plain.contains("https"), "{plain}");
        config.tls.local_ca = true;
        config.server.port = 443;
        config.server.http_port = 80;
        config.server.host = "fd00::7".to_owned();
        let both = script(&config);
        assert!(
            both.contains("\nListenStream=[fd00::7]:443\nFileDescriptorName=https\n"),
            "{both}"
        );
        assert!(
            both.contains("\nListenStream=[fd00::7]:80\nFileDescriptorName=http\n"),
            "{both}"
        );
        assert!(
            both.contains("enable --now morelia-https.socket morelia-http.socket\n"),
            "{both}"
        );
    }
}
