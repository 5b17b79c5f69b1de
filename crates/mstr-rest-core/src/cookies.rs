//! Cookies: the jar of a login, those that a session is given, and those of a snapshot.

mod given;
mod jar;
mod saved;

pub use given::Cookies;
pub use jar::CookieInfo;
pub(crate) use jar::{Jar, is_clean, is_name, merged};
pub use saved::SavedCookie;
