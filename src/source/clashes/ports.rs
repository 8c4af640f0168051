//! Host ports: the host has each once per address and protocol.

use super::{Member, View, members};
use crate::compose::diagnostic::Diagnostic;
use crate::model::desired::host_ports;
use crate::model::service::Port;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses that a port is published on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    All,
    AllV4,
    AllV6,
    One(IpAddr),
}

impl Address {
    /// `None` if it is no address, which the loader refuses.
    fn of(text: &str) -> Option<Self> {
        Some(match text.trim_matches(['[', ']']) {
            "" => Self::All,
            "0.0.0.0" => Self::AllV4,
            "::" => Self::AllV6,
            text => Self::One(text.parse().ok()?),
        })
    }

    const fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::All, _) | (_, Self::All) | (Self::AllV4, Self::AllV4) | (Self::AllV6, Self::AllV6) => true,
            (Self::AllV4, Self::One(one)) | (Self::One(one), Self::AllV4) => one.is_ipv4(),
            (Self::AllV6, Self::One(one)) | (Self::One(one), Self::AllV6) => one.is_ipv6(),
            (Self::One(IpAddr::V4(a)), Self::One(IpAddr::V4(b))) => a.to_bits() == b.to_bits(),
            (Self::One(IpAddr::V6(a)), Self::One(IpAddr::V6(b))) => a.to_bits() == b.to_bits(),
            (Self::AllV4, Self::AllV6)
            | (Self::AllV6, Self::AllV4)
            | (Self::One(IpAddr::V4(_)), Self::One(IpAddr::V6(_)))
            | (Self::One(IpAddr::V6(_)), Self::One(IpAddr::V4(_))) => false,
        }
    }
}

/// A published port of a service.
#[derive(Clone, Copy)]
struct Claim<'a> {
    member: Member<'a>,
    index: usize,
    port: &'a Port,
    address: Address,
    first: u16,
    last: u16,
}

impl Claim<'_> {
    fn meets(&self, other: &Claim<'_>) -> bool {
        self.port.protocol == other.port.protocol && self.address.meets(other.address)
    }

    fn text(&self) -> String {
        let Port { host_ip, published, protocol, .. } = self.port;
        let start = if host_ip.is_empty() { String::new() } else { format!("{host_ip}:") };
        format!("{start}{published}/{protocol}")
    }

    fn error(&self, message: String) -> (usize, Diagnostic) {
        self.member.error(&["ports", &self.index.to_string()], message)
    }

    fn tell(&self, other: &Claim<'_>) -> (usize, Diagnostic) {
        let taker = other.member.named(&["ports", &other.index.to_string()]);
        let (index, error) =
            self.error(format!("the host port {} is also published by {taker}", self.text()));
        (index, error.hint("publish one of them on another host port, or on another address"))
    }
}

type Fixed<'a> = BTreeMap<u16, Vec<Claim<'a>>>;

/// Services that publish the same host port, and services whose replicas would have to share one.
pub(super) fn clashes<'a>(views: &'a [View<'a>]) -> Vec<(usize, Diagnostic)> {
    let mut found = Vec::new();
    let mut fixed: Fixed<'a> = BTreeMap::new();
    let mut ranges = Vec::new();
    for claim in members(views).flat_map(claims) {
        let replicas = claim.member.service.replicas;
        let width = u32::from(claim.last - claim.first) + 1;
        if replicas > width {
            let message = format!("{replicas} replicas cannot share the host port {}", claim.text());
            let hint = format!("publish a range of {replicas} ports, or leave the host port out");
            let (index, error) = claim.error(message);
            found.push((index, error.hint(hint)));
        } else if width > 1 {
            ranges.push(claim);
        } else {
            let here = fixed.entry(claim.first).or_default();
            let other = here.iter().find(|other| claim.meets(other) && !is_repeated(&claim, other));
            if let Some(other) = other {
                found.push(claim.tell(other));
                found.push(other.tell(&claim));
            }
            here.push(claim);
        }
    }
    found.extend(ranges.iter().filter_map(|range| without_choice(range, &fixed)));
    found
}

/// The fixed ports and ranges that a service claims. A service in the host's network publishes nothing.
fn claims(member: Member<'_>) -> impl Iterator<Item = Claim<'_>> {
    let spec = &member.service.spec;
    let publishes = member.service.replicas > 0 && matches!(&*spec.network_mode, "" | "bridge" | "default");
    let ports = if publishes { spec.ports.as_slice() } else { &[] };
    ports.iter().enumerate().filter_map(move |(index, port)| {
        let (address, first, last, _) = host_ports(port)?;
        let claim = Claim { member, index, port, address: Address::of(address)?, first, last };
        (first > 0 && first <= last).then_some(claim)
    })
}

/// The engine merges the same mapping written twice.
fn is_repeated(claim: &Claim<'_>, other: &Claim<'_>) -> bool {
    claim.member.is(&other.member) && claim.port.target == other.port.target && claim.address == other.address
}

/// A range of which too few ports are left over by fixed ones.
fn without_choice(range: &Claim<'_>, fixed: &Fixed<'_>) -> Option<(usize, Diagnostic)> {
    let mut free = u32::from(range.last - range.first) + 1;
    let mut taker = None;
    for claims in fixed.range(range.first..=range.last).map(|(_, claims)| claims) {
        if let Some(claim) = claims.iter().find(|claim| claim.meets(range)) {
            free -= 1;
            taker = taker.or(Some(claim));
        }
    }
    let taker = taker.filter(|_| free < range.member.service.replicas)?;
    let (index, error) = range.tell(taker);
    Some((index, error.hint("no port of the range is free for every replica; widen it")))
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_meet_as_sockets_do() {
        for (a, b, meet) in [
            ("", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("0.0.0.0", "::", false),
            ("::", "::1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("[::1]", "::1", true),
            ("0.0.0.0", "::1", false),
        ] {
            let (first, second) = (Address::of(a).expect(a), Address::of(b).expect(b));
            assert_eq!(first.meets(second), meet, "{a} {b}");
            assert_eq!(second.meets(first), meet, "{b} {a}");
        }
    }
}
