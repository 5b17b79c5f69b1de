//! URLs in the texts of errors.

use crate::VaultError;

impl VaultError {
    /// A text without the queries of the URLs in it: they may hold a token.
    ///
    /// ```
    /// use mstr_credentials::VaultError;
    ///
    /// let text = "no answer of https://vault.example/secret?token=hunter2 (refused)";
    /// let shown = VaultError::without_queries(text);
    /// assert_eq!(shown, "no answer of https://vault.example/secret (refused)");
    /// ```
    pub fn without_queries(text: &str) -> String {
        let words = text.split(' ').map(|word| match word.split_once('?') {
            Some((url, query)) if url.contains("://") => {
                // what encloses the URL stays
                let query_end = query.trim_end_matches(|c| ")]>\"'`,;:.".contains(c)).len();
                format!("{url}{}", &query[query_end..])
            }
            _ => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_cut() {
        for (text, rest) in [
            ("for url (http://h/p?token=hunter2): refused", "for url (http://h/p): refused"),
            ("http://h/p?token=hunter2 is down", "http://h/p is down"),
            ("'http://h?a,hunter2'", "'http://h'"),
            ("really? yes", "really? yes"),
            ("no URL at all", "no URL at all"),
        ] {
            assert_eq!(VaultError::without_queries(text), rest);
        }
    }
}
