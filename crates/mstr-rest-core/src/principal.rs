//! Who a saved session belongs to, without saying who.

use sha2::{Digest, Sha256};

/// A user name of these modes has no letter case; an API key has.
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
    let mut hasher = Sha256::new();
    hasher.update(salt);
    hasher.update(":");
    if mode == CASE_SENSITIVE {
        hasher.update(name);
    } else {
        hasher.update(name.to_lowercase());
    }
    let mut text = format!("{salt}:");
    for byte in hasher.finalize() {
        text.push_str(&format!("{byte:02x}"));
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
