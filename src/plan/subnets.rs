//! Subnets that a network cannot have: an engine gives each address to one network only, and says so no sooner than when the
//! network is made. By then what it is made for may have been stopped.

use super::index::{Index, is_of_source};
use crate::model::change::{Cause, CauseKind};
use crate::model::desired::NetworkSpec;
use crate::model::observed::ObservedNetwork;
use std::net::IpAddr;

/// Why a network cannot have the subnets that it asks for, if they overlap with those of a network that stays. One of this
/// source may be about to go or to change, so only others count. Networks across hosts have addresses of their own.
pub(super) fn clash(spec: &NetworkSpec, source: &str, index: &Index) -> Option<Cause> {
    if spec.driver == "overlay" || !matches!(spec.ipam_driver.as_str(), "" | "default") {
        return None;
    }
    let stays = |found: &&ObservedNetwork| {
        found.name != spec.name && found.driver != "overlay" && !is_of_source(&found.labels, source)
    };
    for subnet in spec.ipam_pools.iter().map(|pool| &pool.subnet) {
        let Some(wanted) = Subnet::parse(subnet) else { continue };
        for other in index.observed.networks.iter().filter(stays) {
            let pools = other.pools.iter().filter_map(|(text, _)| Some((text, Subnet::parse(text)?)));
            let found = pools.into_iter().find(|(_, pool)| pool.overlaps(wanted));
            if let Some((text, _)) = found {
                let why = format!("{subnet} overlaps with {text} of network {}, which stays", other.name);
                return Some(Cause::new(CauseKind::Unsupported, "ipam.config").values(None, Some(why)));
            }
        }
    }
    None
}

/// The first address and the number of bits that all addresses have in common with it.
#[derive(Debug, Clone, Copy)]
struct Subnet {
    address: IpAddr,
    bits: u32,
}

impl Subnet {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits = bits.parse().ok().filter(|bits| *bits <= if address.is_ipv4() { 32 } else { 128 })?;
        Some(Self { address, bits })
    }

    fn overlaps(self, other: Self) -> bool {
        let bits = self.bits.min(other.bits);
        let common = match (self.address, other.address) {
            (IpAddr::V4(one), IpAddr::V4(two)) => (u32::from(one) ^ u32::from(two)).leading_zeros(),
            (IpAddr::V6(one), IpAddr::V6(two)) => (u128::from(one) ^ u128::from(two)).leading_zeros(),
            _ => return false,
        };
        common >= bits
    }
}

#[cfg(test)]
mod tests {
    use super::Subnet;

    #[test]
    fn subnets_overlap_if_one_holds_the_other() {
        let overlap =
            |one: &str, two: &str| Subnet::parse(one).expect(one).overlaps(Subnet::parse(two).expect(two));
        assert!(overlap("10.1.0.0/16", "10.1.7.0/24") && overlap("10.1.7.0/24", "10.1.0.0/16"));
        assert!(overlap("0.0.0.0/0", "10.1.7.0/24") && overlap("fd00::/8", "fd00:1::/64"));
        assert!(!overlap("10.1.0.0/24", "10.1.1.0/24") && !overlap("0.0.0.0/0", "::/0"));
        for text in ["10.1.0.0", "10.1.0.0/33", "x/8", ""] {
            assert!(Subnet::parse(text).is_none(), "{text}");
        }
    }
}
