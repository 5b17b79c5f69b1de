//! What is `Send`, `Sync` and small.

use mstr_rest_core::{
    Auth, Call, CallFuture, Credential, Error, Response, Session, SessionBuilder, settle,
    with_session,
};

fn send_static<T: Send + 'static>(value: T) -> T {
    value
}

#[test]
fn public_types_and_futures_are_send_and_errors_are_small() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn plain<T: Send + Sync + 'static>() {}
    fn moved<T: Send + 'static>() {}
    shared::<Session>();
    shared::<SessionBuilder>();
    shared::<Call<Response>>();
    shared::<Call<Vec<String>>>();
    shared::<Credential>();
    shared::<Auth>();
    shared::<Error>();
    plain::<mstr_rest_core::AuthenticatedSession>();
    moved::<CallFuture<Response>>();
    moved::<Response>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    let session = Session::builder("https://h/api").build().unwrap();
    drop(send_static(session.get("x").send()));
    drop(send_static(session.login(Auth::anonymous())));
    drop(send_static(session.delegate("t")));
    drop(send_static(session.logout()));
    drop(send_static(session.resolve_project("x")));
    drop(send_static(session.load_project_index()));
    drop(send_static(Session::builder("https://h/api").connect()));
    drop(send_static(settle()));
    drop(send_static(Credential::from("x").resolve()));
    let guarded = Session::builder("https://h/api").auth(Auth::anonymous());
    drop(send_static(with_session(guarded, async |s: Session| s.get("x").await.map(drop))));
}
