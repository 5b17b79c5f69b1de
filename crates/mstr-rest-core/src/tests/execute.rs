//! The size of the future of a call.

use http::Method;

use crate::Session;
use crate::execute::execute;
use crate::request::Request;

#[test]
fn the_future_of_a_call_stays_small() {
    let session = Session::builder("http://host/api").build().unwrap();
    let request = Box::new(Request::new(Method::GET, "projects".into()));
    // Each call writes this future once, and thousands of calls may run. With 6.4 KB, this took a
    // tenth of the processor time of a call.
    let size = size_of_val(&execute(session.client, request, &mut |_| Ok(())));
    assert!(size < 3584, "{size} bytes: find the futures that are stored twice");
}
