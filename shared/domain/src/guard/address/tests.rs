//! The address rules against the registries' own examples, and against every way to hide an IPv4 address.

use proptest::prelude::*;

use super::*;

fn global(address: &str) -> bool {
    is_global(address.parse().expect("an IP address"))
}

#[test]
fn public_addresses_are_global() {
    for address in [
        "8.8.8.8",
        "1.1.1.1",
        "192.0.0.9",
        "172.32.0.1",
        "100.128.0.1",
        "198.20.0.1",
        "2606:4700::1111",
        "2a00:1450:4028:80b::200e",
        "2001:4860:4860::8888",
        "2001:4:112::1",
        "2620:4f:8000::1",
    ] {
        assert!(global(address), "{address}");
    }
}

#[test]
fn both_ends_of_every_special_range_are_refused() {
    for address in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.8",
        "192.0.0.170",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        assert!(!global(address), "{address}");
    }
    for address in [
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::8.8.8.8",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:1::4",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!global(address), "{address}");
    }
}

fn forms(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = v4.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        v4.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0xf7f7, 0xf7f7),
        Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2a00, 0x1450, 1, 2, 0x200, 0x5efe, high, low),
    ]
}

proptest! {
    #[test]
    fn every_embedding_is_unwrapped_to_the_address_it_carries(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        for form in forms(v4) {
            prop_assert!(embedded_v4(form).contains(&Some(v4)), "{form}");
        }
    }

    #[test]
    fn no_embedding_makes_an_unreachable_address_reachable(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        for form in forms(v4) {
            prop_assert!(is_global_v4(v4) || !is_global(IpAddr::V6(form)), "{form}");
        }
    }

    #[test]
    fn ipv6_is_reachable_only_inside_2000_3(bits: u128) {
        let v6 = Ipv6Addr::from_bits(bits);
        prop_assert!(v6.segments()[0] >> 13 == 1 || !is_global(IpAddr::V6(v6)));
    }
}

#[test]
fn no_embedding_reaches_loopback_or_the_metadata_service() {
    for v4 in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1"] {
        for form in forms(v4.parse().expect("an IPv4 address")) {
            assert!(!is_global(IpAddr::V6(form)), "{form}");
        }
    }
}
