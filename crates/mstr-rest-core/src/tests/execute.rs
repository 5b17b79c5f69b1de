//! The size of the future of a call.

use http::Method;

use crate::Session;
use crate::execute::execute;
use crate::request::Request;

#[test]
fn the_future_of_a_call_stays_small() {
    let session = Session::builder("http://host/api").build().unwrap();
    let request = Box::new(Request::new(Method::GET, "projects".into()));
    // what is written for every call, thousands may be under way: 6.4 KB were a tenth of its
    // processor time
    let size = size_of_val(&execute(session.client, request, &mut |_| Ok(())));
    assert!(size < 3584, "{size} bytes: what does it keep twice?");
}
