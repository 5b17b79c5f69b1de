//! A salted hash of the user of a login. It distinguishes users without storing their names.

use std::fmt::Write;

use hmac_sha256::HMAC;
use zeroize::Zeroizing;

/// The login mode whose user name may be an API key. API keys are case-sensitive, user names are
/// not.
const CASE_SENSITIVE: i64 = 4096;

/// A salted hash of a user name or an API key: `SALT:HASH`, in hexadecimal digits.
pub(crate) fn hash(mode: i64, name: &str) -> String {
    let salt = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    salted(&salt, mode, name)
}

/// Returns `true` if `hash` is a hash of this name. A malformed hash matches no name.
pub(crate) fn matches(hash: &str, mode: i64, name: &str) -> bool {
    let salt = hash.split(':').next().unwrap_or_default();
    salted(salt, mode, name) == hash
}

fn salted(salt: &str, mode: i64, name: &str) -> String {
    let name = if mode == CASE_SENSITIVE { name.to_owned() } else { name.to_lowercase() };
    let name = Zeroizing::new(name);
    let mut text = format!("{salt}:");
    for byte in HMAC::mac(name.as_bytes(), salt) {
        // writing to a `String` cannot fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_own_name_only() {
        let dave = hash(1, "Dave");
        assert!(matches(&dave, 1, "dave") && !matches(&dave, 1, "eve"));
        assert_ne!(dave, hash(1, "Dave"), "each hash has a new salt");
        let key = hash(4096, "KeY");
        assert!(matches(&key, 4096, "KeY") && !matches(&key, 4096, "key"));
        assert!(!key.contains("KeY"));
        for junk in ["", ":", "abc", "::"] {
            assert!(!matches(junk, 1, "dave"));
        }
    }
}
