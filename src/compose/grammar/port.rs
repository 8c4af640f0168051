//! The short form of a published port: `[IP:][HOST:]CONTAINER[/PROTOCOL]`.

use crate::compose::node::{Key, Map, Node, Span, Value};
use std::net::IpAddr;

/// One published port. Empty text means that the attribute is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// A name for readers.
    pub name: String,
    /// `ingress` or `host`; Compose gives it no effect.
    pub mode: String,
    /// The address on the host to bind to.
    pub host_ip: String,
    /// The port in the container.
    pub target: u32,
    /// The port on the host, or a range to choose from (`8000-8010`).
    pub published: String,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The protocol spoken on the port, for readers.
    pub app_protocol: String,
}

/// An inclusive range of ports.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-').map(port_number);
        let first = parts.next()??;
        let last = parts.next().unwrap_or(Some(first))?;
        (last >= first).then_some(Self { first, last })
    }

    fn span(self) -> u16 {
        self.last - self.first
    }
}

fn port_number(text: &str) -> Option<u16> {
    (!text.starts_with('+')).then(|| text.parse().ok())?
}

/// Reads a short port. A range of container ports gives one entry per port, in the order of the *text*
/// `port/protocol` (reference: `99-101` comes out as 100, 101, 99).
pub fn parse_short(spec: &str) -> Result<Vec<Port>, String> {
    let (address, container) = spec.rsplit_once(':').unwrap_or(("", spec));
    let (host_ip, host) = address.rsplit_once(':').unwrap_or(("", address));
    let (container, protocol) = split_protocol(container);
    let host_ip = parse_host_ip(host_ip)?;
    if container.is_empty() {
        return Err(format!("No port specified: {spec}<empty>"));
    }
    let target = Range::parse(container).ok_or_else(|| format!("Invalid containerPort: {container}"))?;
    let published = if host.is_empty() {
        None
    } else {
        Some(Range::parse(host).ok_or_else(|| format!("Invalid hostPort: {host}"))?)
    };
    if published.is_some_and(|range| range.span() != target.span()) && target.span() != 0 {
        return Err(format!("Invalid ranges specified for container and host Ports: {container} and {host}"));
    }
    let lower = protocol.to_lowercase();
    if !matches!(lower.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("Invalid proto: {protocol}"));
    }
    let mut ports: Vec<Port> = (0..=target.span())
        .map(|offset| Port {
            mode: "ingress".to_owned(),
            host_ip: host_ip.to_owned(),
            target: u32::from(target.first + offset),
            published: published.map_or_else(String::new, |range| published_text(range, target, offset)),
            protocol: lower.clone(),
            ..Port::default()
        })
        .collect();
    ports.sort_by_key(|port| format!("{}/{}", port.target, port.protocol));
    Ok(ports)
}

fn published_text(range: Range, target: Range, offset: u16) -> String {
    if target.span() == 0 && range.span() != 0 {
        format!("{}-{}", range.first, range.last)
    } else {
        (range.first + offset).to_string()
    }
}

/// Splits `80/udp`; without a protocol it is tcp.
fn split_protocol(text: &str) -> (&str, &str) {
    let mut parts = text.split('/');
    let port = parts.next().unwrap_or("");
    match parts.next() {
        None | Some("") => (port, "tcp"),
        Some(protocol) => (port, protocol),
    }
}

fn parse_host_ip(text: &str) -> Result<&str, String> {
    if text.contains(':') && !text.starts_with('[') {
        return Err(format!("Invalid ip address {text}: address {text}:: too many colons in address"));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if bare.is_empty() && text.is_empty() || bare.parse::<IpAddr>().is_ok() {
        Ok(bare)
    } else {
        Err(format!("Invalid ip address: {bare}"))
    }
}

impl Port {
    /// The long form as a mapping whose nodes all stand at `span`; what is not given is left out.
    pub fn into_node(self, span: Span) -> Node {
        let target = Node::new(Value::Int(i128::from(self.target)), span);
        let text = |text: String| (!text.is_empty()).then(|| Node::string(text, span));
        let entries = [
            ("name", text(self.name)),
            ("mode", text(self.mode)),
            ("host_ip", text(self.host_ip)),
            ("target", (self.target != 0).then_some(target)),
            ("published", text(self.published)),
            ("protocol", text(self.protocol)),
            ("app_protocol", text(self.app_protocol)),
        ];
        let map: Map = entries
            .into_iter()
            .filter_map(|(key, node)| Some((Key { name: key.into(), span }, node?)))
            .collect();
        Node::new(Value::Map(map), span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(spec: &str) -> Vec<String> {
        parse_short(spec)
            .unwrap()
            .into_iter()
            .map(|port| format!("{}|{}|{}/{}", port.host_ip, port.published, port.target, port.protocol))
            .collect()
    }

    #[test]
    fn short_forms_give_address_host_and_container_port() {
        assert_eq!(texts("80"), ["||80/tcp"]);
        assert_eq!(texts("8080:80"), ["|8080|80/tcp"]);
        assert_eq!(texts("127.0.0.1:8080:80/UDP"), ["127.0.0.1|8080|80/udp"]);
        assert_eq!(texts("127.0.0.1::80"), ["127.0.0.1||80/tcp"]);
        assert_eq!(texts("[::1]:8080:80"), ["::1|8080|80/tcp"]);
        assert_eq!(texts(":80"), ["||80/tcp"]);
        assert_eq!(texts("::80"), ["||80/tcp"]);
        assert_eq!(texts("080:0080"), ["|80|80/tcp"]);
    }

    #[test]
    fn ranges_of_equal_size_pair_up_and_sort_as_text() {
        assert_eq!(texts("8099-8101:99-101"), ["|8100|100/tcp", "|8101|101/tcp", "|8099|99/tcp"]);
    }

    #[test]
    fn a_host_range_for_one_container_port_stays_a_range() {
        assert_eq!(texts("8001-8004:80"), ["|8001-8004|80/tcp"]);
    }

    #[test]
    fn broken_ports_name_the_part_at_fault() {
        for (spec, error) in [
            ("80:", "No port specified: 80:<empty>"),
            ("", "No port specified: <empty>"),
            ("tcp", "Invalid containerPort: tcp"),
            ("70000:80", "Invalid hostPort: 70000"),
            ("localhost:80:80", "Invalid ip address: localhost"),
            ("80/icmp", "Invalid proto: icmp"),
            ("80-82:80-81", "Invalid ranges specified for container and host Ports: 80-81 and 80-82"),
            ("90-80", "Invalid containerPort: 90-80"),
            (" 80:80", "Invalid hostPort:  80"),
        ] {
            assert_eq!(parse_short(spec), Err(error.to_owned()), "{spec}");
        }
    }
}
