//! Access lists, and the changes that clients send.

use serde_json::{Value as Json, json};

use crate::directory::EVERYONE;

/// An entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ace {
    pub(crate) trustee: String,
    pub(crate) rights: u64,
    pub(crate) deny: bool,
    pub(crate) inheritable: bool,
}

impl Ace {
    /// What every object has: the owner may do all, everyone may look.
    pub(crate) fn usual() -> Vec<Self> {
        let entry = |trustee: &str, rights| Self {
            trustee: trustee.to_owned(),
            rights,
            deny: false,
            inheritable: false,
        };
        vec![entry(super::OWNER_ID, 255), entry(EVERYONE, 197)]
    }

    /// As the server shows it (recorded members).
    pub(crate) fn show(&self, name: &str, subtype: u32) -> Json {
        json!({
            "deny": self.deny,
            "type": 1,
            "rights": self.rights,
            "trusteeId": self.trustee,
            "trusteeName": name,
            "trusteeType": super::USER,
            "trusteeSubtype": subtype,
            "inheritable": self.inheritable,
        })
    }
}

/// Applies what `acl` of a `PUT` says, `[{"op": "ADD", "trustee": .., "rights": .., ..}]`: `ADD`
/// adds bits, `REMOVE` takes bits away, `REPLACE` sets them (inferred from the names). Says what is
/// wrong with it.
pub(crate) fn change(acl: &mut Vec<Ace>, changes: &Json) -> Result<(), String> {
    let changes = changes.as_array().ok_or("acl is not a list")?;
    for change in changes {
        let text = |name: &str| change.get(name).and_then(Json::as_str);
        let trustee = text("trustee").or_else(|| text("trusteeId")).ok_or("acl has no trustee")?;
        let rights = change.get("rights").and_then(Json::as_u64).ok_or("acl has no rights")?;
        let flag = |name: &str| change.get(name).and_then(Json::as_bool);
        let deny = flag("denied").unwrap_or(false);
        let at = acl.iter().position(|ace| ace.trustee == trustee && ace.deny == deny);
        let at = at.unwrap_or_else(|| {
            let trustee = trustee.to_owned();
            acl.push(Ace { trustee, rights: 0, deny, inheritable: false });
            acl.len() - 1
        });
        let ace = &mut acl[at];
        match text("op").unwrap_or_default() {
            "ADD" => ace.rights |= rights,
            "REMOVE" => ace.rights &= !rights,
            "REPLACE" => ace.rights = rights,
            op => return Err(format!("acl has an unknown op: {op}")),
        }
        ace.inheritable = flag("inheritable").unwrap_or(ace.inheritable);
        acl.retain(|ace| ace.rights != 0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_and_go() {
        let mut acl = Vec::new();
        let mut apply = |op: &str, rights: u64| {
            change(&mut acl, &json!([{ "op": op, "trustee": "U", "rights": rights }])).unwrap();
            acl.first().map(|ace| ace.rights)
        };
        assert_eq!(apply("ADD", 5), Some(5));
        assert_eq!(apply("ADD", 8), Some(13));
        assert_eq!(apply("REMOVE", 1), Some(12));
        assert_eq!(apply("REPLACE", 3), Some(3));
        assert_eq!(apply("REMOVE", 255), None);
        assert!(change(&mut acl, &json!([{ "op": "WHAT", "trustee": "U", "rights": 1 }])).is_err());
        assert!(change(&mut acl, &json!({})).is_err());
    }
}
