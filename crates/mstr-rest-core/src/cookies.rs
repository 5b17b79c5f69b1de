//! Cookies: the cookie jar of a login, cookies to adopt, and cookies of a snapshot.

mod given;
mod jar;
mod saved;

pub use given::Cookies;
pub use jar::CookieInfo;
pub(crate) use jar::{Jar, is_clean, is_name, merged};
pub use saved::SavedCookie;
