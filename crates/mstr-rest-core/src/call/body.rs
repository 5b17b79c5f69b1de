//! Setting the body of a call: JSON, a form, a form of several parts, or bytes.

use std::error::Error as StdError;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, header};
use serde::Serialize;

use super::Call;
use crate::{Body, Error, ErrorKind, Multipart};

/// The body: each method replaces the body and content type that were set before
impl<T> Call<T> {
    /// Sets the body to a value as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.set_body(json, HeaderValue::from_static("application/json")),
            Err(error) => self.fail_because("the body cannot be encoded as JSON", error),
        }
        self
    }

    /// Sets the body to a form (`application/x-www-form-urlencoded`): pairs, a map, or a struct of
    /// texts, numbers and booleans. `None` values are left out. Pairs with the same name are all
    /// sent.
    ///
    /// Sending fails with [`InvalidRequest`](ErrorKind::InvalidRequest) if a value is a list, a map
    /// or a struct.
    ///
    /// ```
    /// # use mstr_rest_core::Session;
    /// # fn example(session: &Session) {
    /// let call = session.post("own/search").form(&[("name", "Sales"), ("limit", "10")]);
    /// # let _ = call;
    /// # }
    /// ```
    #[doc(alias = "data")]
    #[doc(alias = "urlencoded")]
    pub fn form(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_urlencoded::to_string(value) {
            Ok(form) => {
                let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                self.set_body(form, form_type);
            }
            Err(error) => self.fail_because("the body cannot be encoded as a form", error),
        }
        self
    }

    /// Sets the body to a form of several parts (`multipart/form-data`): texts and files.
    ///
    /// ```
    /// # use mstr_rest_core::Session;
    /// use mstr_rest_core::{Multipart, Part};
    ///
    /// # fn example(session: &Session, png: Vec<u8>) {
    /// let image = Part::new(png).file_name("logo.png").content_type("image/png");
    /// let call = session.post("own/images").multipart(Multipart::new().part("image", image));
    /// # let _ = call;
    /// # }
    /// ```
    #[doc(alias = "files")]
    pub fn multipart(mut self, form: Multipart) -> Self {
        match form.encode() {
            Ok((content_type, body)) => self.set_body(body, content_type),
            Err(error) => self.request.fail(error),
        }
        self
    }

    /// Sets the body. Set its content type with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.request.body = body.into();
        self
    }

    /// Sets the body to a stream that can be sent once, as [`Body::stream`] makes it.
    pub fn stream_body<S, E>(self, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.body(Body::stream(stream))
    }

    fn set_body(&mut self, body: impl Into<Body>, content_type: HeaderValue) {
        self.request.body = body.into();
        self.request.headers.insert(header::CONTENT_TYPE, content_type);
    }

    fn fail_because(&mut self, what: &str, error: impl StdError + Send + Sync + 'static) {
        self.request.fail(Error::with_source(ErrorKind::InvalidRequest, what, error));
    }
}
