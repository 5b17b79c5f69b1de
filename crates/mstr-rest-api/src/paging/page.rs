//! One page, in whichever form the server sends it.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use http::HeaderMap;
use mstr_rest_core::{Response, Result};
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::lenient;

/// One page of a list.
#[derive(Clone)]
#[non_exhaustive]
pub struct Page<T> {
    /// What it holds, in the server's order.
    pub items: Vec<T>,
    /// How many items the whole list has, if the server said so.
    pub total: Option<u64>,
    /// Where in the list it begins, as it was asked for; 0 for a page that was asked for by itself.
    pub offset: u64,
    /// Where the last page begins, as the header `Link` says.
    pub(super) last_begins: Option<u64>,
    pub(super) body: Bytes,
}

impl<T: DeserializeOwned> Page<T> {
    pub(super) fn decode(reply: &Response) -> Result<Self> {
        let Wrapped { items, total } = reply.json()?;
        let header = reply.headers().get("x-mstr-total-count");
        let header = header.and_then(|total| total.to_str().ok()?.trim().parse().ok());
        Ok(Self {
            items,
            total: header.or(total),
            offset: 0,
            last_begins: last_begins(reply.headers()),
            body: reply.bytes().clone(),
        })
    }
}

impl<T: fmt::Debug> fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("items", &self.items)
            .field("total", &self.total)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// The offset of `Link: <...?limit=1000&offset=2000>; rel="last"`. A server that writes something
/// else says nothing.
fn last_begins(headers: &HeaderMap) -> Option<u64> {
    let links = headers.get_all(http::header::LINK).iter().filter_map(|link| link.to_str().ok());
    let last = links.flat_map(|links| links.split(',')).find(|link| {
        let relation = link.rsplit(';').next().unwrap_or_default().replace([' ', '"', '\''], "");
        relation.eq_ignore_ascii_case("rel=last")
    })?;
    let query = last.split('>').next()?.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix("offset=")?.parse().ok())
}

/// What a list is called where it is wrapped into an object.
const NAMES: [&str; 24] = [
    "result",
    "results",
    "projects",
    "subscriptions",
    "schedules",
    "events",
    "users",
    "userGroups",
    "members",
    "memberships",
    "addresses",
    "nodes",
    "jobs",
    "caches",
    "cubeCaches",
    "contentCaches",
    "securityFilters",
    "securityRoles",
    "privileges",
    "datasources",
    "items",
    "objects",
    "elements",
    "settings",
];

/// A list, alone or wrapped: `{"totalItems": 3, "result": [..]}`. Null is an empty list.
pub(crate) struct Wrapped<T> {
    pub(crate) items: Vec<T>,
    pub(crate) total: Option<u64>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Wrapped<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyList(PhantomData))
    }
}

struct AnyList<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyList<T> {
    type Value = Wrapped<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or an object with a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Wrapped { items: Vec::new(), total: None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Wrapped { items, total: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Number(#[serde(deserialize_with = "lenient::integer")] Option<i64>);
        let (mut items, mut total) = (None::<Option<Vec<T>>>, None);
        while let Some(name) = object.next_key::<String>()? {
            if items.is_none() && NAMES.contains(&name.as_str()) {
                items = Some(object.next_value()?);
            } else if name == "totalItems" || name == "total" {
                total = object.next_value::<Number>()?.0.and_then(|total| total.try_into().ok());
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        let items = items.ok_or_else(|| A::Error::custom("there is no list in the object"))?;
        Ok(Wrapped { items: items.unwrap_or_default(), total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_alone_and_wrapped() {
        let decode = |json: &str| serde_json::from_str::<Wrapped<u8>>(json).unwrap();
        assert_eq!(decode("[1,2]").items, [1, 2]);
        assert!(decode("null").items.is_empty());
        let wrapped = decode(r#"{"more":[{}],"totalItems":"7","result":[3],"x":{"result":[4]}}"#);
        assert_eq!((wrapped.items, wrapped.total), (vec![3], Some(7)));
        assert!(decode(r#"{"projects":null}"#).items.is_empty());
        assert!(serde_json::from_str::<Wrapped<u8>>(r#"{"what":[1]}"#).is_err());
        assert!(serde_json::from_str::<Wrapped<u8>>("5").is_err());
    }

    #[test]
    fn where_the_last_page_begins() {
        let begins = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("link", link.parse().unwrap());
            last_begins(&headers)
        };
        let recorded = "</MicroStrategyLibrary/api/users?limit=10&offset=0>; rel=\"first\", \
                        </MicroStrategyLibrary/api/users?limit=10&offset=40>; rel=\"last\"";
        assert_eq!(begins(recorded), Some(40));
        assert_eq!(begins("<x?offset=7>;rel=last"), Some(7));
        for odd in ["", "<", "<x?offset=-1>; rel=\"last\"", "<x>; rel=\"last\"", "a, b; rel=last"] {
            assert_eq!(begins(odd), None, "{odd}");
        }
    }
}
