//! Random text for tokens, tickets and cookies: unpredictable enough to be distinct, no secret.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Digits of a session token: a big number written in base 32.
const BASE_32: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
const LOWER_HEX: &[u8] = b"0123456789abcdef";
const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
const BASE_64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 26 characters, as recorded tokens have.
pub(crate) fn token() -> String {
    text(BASE_32, 26)
}

/// 32 lower hex digits, as every recorded `ticketId` has.
pub(crate) fn ticket() -> String {
    text(LOWER_HEX, 32)
}

/// 32 upper hex digits, as Tomcat's `JSESSIONID` and the ids of objects have.
pub(crate) fn upper_hex() -> String {
    text(UPPER_HEX, 32)
}

/// The value of a load balancer's cookie.
pub(crate) fn balancer_value() -> String {
    text(BASE_64, 96)
}

/// 32 upper hex digits that are always the same for the same name.
pub(crate) fn id_of(name: &str) -> String {
    let (high, low) = (fnv(name.as_bytes(), 0), fnv(name.as_bytes(), 1));
    format!("{high:016X}{low:016X}")
}

/// FNV-1a, finished so that every bit depends on every byte.
pub(crate) fn fnv(bytes: &[u8], seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
    mix(bytes
        .iter()
        .fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// The finisher of `SplitMix64`.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn text(alphabet: &[u8], length: usize) -> String {
    // A new `RandomState` has new keys each time: one word of randomness without a dependency.
    let mut seed = RandomState::new().build_hasher().finish();
    (0..length)
        .filter_map(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let word = usize::try_from(mix(seed) >> 32).unwrap_or_default();
            alphabet.get(word % alphabet.len()).map(|byte| char::from(*byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_look_like_recorded_ones_and_differ() {
        let (a, b) = (token(), token());
        assert_ne!(a, b);
        assert_eq!(a.len(), 26);
        assert!(a.bytes().all(|byte| BASE_32.contains(&byte)));
    }

    #[test]
    fn ids_are_stable_and_differ_by_name() {
        assert_eq!(id_of("Tutorial"), id_of("Tutorial"));
        assert_ne!(id_of("Tutorial"), id_of("Tutoriak"));
        assert_eq!(id_of("x").len(), 32);
    }
}
