//! A salted hash of the user of a login: tells users apart without naming them.

use std::fmt::Write;

use hmac_sha256::HMAC;
use zeroize::Zeroizing;

/// The login mode whose name may be an API key, which has letter case. User names have none.
const CASE_SENSITIVE: i64 = 4096;

/// A salted hash of a user name or an API key: `SALT:HASH`, in hexadecimal digits.
pub(crate) fn hash(mode: i64, name: &str) -> String {
    let salt = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    salted(&salt, mode, name)
}

/// Whether the hash is that of this name. One that is not understood is that of no name.
pub(crate) fn matches(hash: &str, mode: i64, name: &str) -> bool {
    let salt = hash.split(':').next().unwrap_or_default();
    salted(salt, mode, name) == hash
}

fn salted(salt: &str, mode: i64, name: &str) -> String {
    let name = if mode == CASE_SENSITIVE { name.to_owned() } else { name.to_lowercase() };
    let name = Zeroizing::new(name);
    let mut text = format!("{salt}:");
    for byte in HMAC::mac(name.as_bytes(), salt) {
        // writing into a text does not fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_their_own_hash_alone() {
        let dave = hash(1, "Dave");
        assert!(matches(&dave, 1, "dave") && !matches(&dave, 1, "eve"));
        assert_ne!(dave, hash(1, "Dave"), "the salt is another one each time");
        let key = hash(4096, "KeY");
        assert!(matches(&key, 4096, "KeY") && !matches(&key, 4096, "key"));
        assert!(!key.contains("KeY"));
        for junk in ["", ":", "abc", "::"] {
            assert!(!matches(junk, 1, "dave"));
        }
    }
}
