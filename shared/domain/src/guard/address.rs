//! The rule for IP addresses: an address may be dialled if it is globally reachable by IANA's special-purpose address
//! registries.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), column "Globally
//! Reachable"; a range whose entry there is not "True" counts as not reachable. IPv6 outside `2000::/3` is not yet, or
//! not at all, global unicast (RFC 4291, 2.4). An IPv6 address that carries an IPv4 address leads to that address too
//! and is judged by both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is globally reachable unicast.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => is_global_v6(v6) && embedded_v4(v6).into_iter().flatten().all(is_global_v4),
    }
}

/// IPv4 ranges in the order of precedence: the first range that contains an address decides. Each row has the network,
/// the prefix length, whether the range is globally reachable, and its name with its source.
const V4_RANGES: [([u8; 4], u32, bool, &str); 18] = [
    ([0, 0, 0, 0], 8, false, "this network, RFC 791"),
    ([10, 0, 0, 0], 8, false, "private use, RFC 1918"),
    ([100, 64, 0, 0], 10, false, "shared address space, RFC 6598"),
    ([127, 0, 0, 0], 8, false, "loopback, RFC 1122"),
    ([169, 254, 0, 0], 16, false, "link local, RFC 3927: the metadata services"),
    ([172, 16, 0, 0], 12, false, "private use, RFC 1918"),
    ([192, 0, 0, 9], 32, true, "Port Control Protocol anycast, RFC 7723"),
    ([192, 0, 0, 10], 32, true, "TURN anycast, RFC 8155"),
    ([192, 0, 0, 0], 24, false, "IETF protocol assignments, RFC 6890"),
    ([192, 0, 2, 0], 24, false, "documentation, RFC 5737"),
    ([192, 88, 99, 0], 24, false, "6to4 relay anycast, deprecated, RFC 7526"),
    ([192, 168, 0, 0], 16, false, "private use, RFC 1918"),
    ([198, 18, 0, 0], 15, false, "benchmarking, RFC 2544"),
    ([198, 51, 100, 0], 24, false, "documentation, RFC 5737"),
    ([203, 0, 113, 0], 24, false, "documentation, RFC 5737"),
    ([224, 0, 0, 0], 4, false, "multicast, RFC 5771"),
    ([240, 0, 0, 0], 4, false, "reserved, RFC 1112, and limited broadcast, RFC 8190"),
    ([0, 0, 0, 0], 0, true, "everything else"),
];

/// IPv6 ranges in the order of precedence, as for IPv4.
const V6_RANGES: [([u16; 8], u32, bool, &str); 13] = [
    ([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, true, "Port Control Protocol anycast, RFC 7723"),
    ([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, true, "TURN anycast, RFC 8155"),
    ([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, true, "DNS-SD service registration anycast, RFC 9665"),
    ([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, true, "AMT, RFC 7450"),
    ([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, true, "AS112, RFC 7535"),
    ([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, true, "ORCHIDv2, RFC 7343"),
    ([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, true, "drone remote id, RFC 9374"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, false, "IETF protocol assignments, RFC 2928, Teredo among them"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, false, "documentation, RFC 3849"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, false, "6to4, RFC 3056"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, false, "documentation, RFC 9637"),
    ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, true, "global unicast, RFC 4291"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 0, false, "everything else, among it loopback, unique and link local, multicast"),
];

fn is_global_v4(address: Ipv4Addr) -> bool {
    V4_RANGES.iter().find(|&&(network, length, ..)| in_v4(address, network, length)).is_some_and(|range| range.2)
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    V6_RANGES.iter().find(|&&(network, length, ..)| in_v6(address, network, length)).is_some_and(|range| range.2)
}

fn in_v4(address: Ipv4Addr, network: [u8; 4], length: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    (address.to_bits() ^ Ipv4Addr::from(network).to_bits()) & mask == 0
}

fn in_v6(address: Ipv6Addr, network: [u16; 8], length: u32) -> bool {
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    (address.to_bits() ^ Ipv6Addr::from(network).to_bits()) & mask == 0
}

/// Gives the IPv4 addresses that an IPv6 address carries, in every form that has been in use; a Teredo address carries
/// two. The table above already refuses all of these forms but ISATAP, so for the others this rule is a second check.
fn embedded_v4(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (s0, s1) {
        // IPv4-compatible, mapped and translated (RFC 4291, 2.5.5; RFC 2765, 2.1).
        (0, 0) if (s2, s3) == (0, 0) && matches!((s4, s5), (0, 0 | 0xffff) | (0xffff, 0)) => [v4(s6, s7), None],
        // NAT64, the well-known and the local prefix (RFC 6052, 2.1; RFC 8215, /96 under it).
        (0x64, 0xff9b) => [v4(s6, s7), None],
        // Teredo: the server, and the client with its bits inverted (RFC 4380, 4).
        (0x2001, 0) => [v4(s2, s3), v4(!s6, !s7)],
        // 6to4 (RFC 3056, 2).
        (0x2002, _) => [v4(s1, s2), None],
        // ISATAP's interface identifier, with the universal bit or without, under any prefix (RFC 5214, 6.1).
        _ if s5 == 0x5efe && matches!(s4, 0 | 0x200) => [v4(s6, s7), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests;
