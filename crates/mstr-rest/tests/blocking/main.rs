//! The session without async.
#![cfg(feature = "blocking")]
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod places;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use mstr_rest::blocking;
use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use places::{Place, bounded, current_thread, everywhere, in_task, multi_thread};

fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

fn logouts(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/logout")
}

#[test]
fn wait_accepts_every_call() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let session = blocking::Session::connect(builder(&server)).unwrap();
    assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
    assert_eq!(session.wait(session.projects().load()).unwrap(), 2);
    let missing = session.wait(session.get("nothing")).unwrap_err();
    assert_eq!(missing.code(), Some("ERR004"));
    let reply = session.wait(session.get("nothing").raw()).unwrap();
    assert!(reply.text().contains("ERR004"));
    let own: Result<usize, Box<dyn std::error::Error>> = session.wait(async {
        session.projects().list().await?;
        Ok("7".parse()?)
    });
    assert_eq!(own.unwrap(), 7);
    session.close().unwrap();
    session.close().unwrap();
    assert_eq!(session.wait(session.user_info()).unwrap_err().kind(), ErrorKind::NoSession);
    drop(session);
    assert_eq!(logouts(&server), 1);
}

#[test]
fn dropping_logs_out_and_waits_for_it() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    drop(blocking::Session::connect(builder(&server)).unwrap());
    assert_eq!(logouts(&server), 1);
    assert!(server.sessions().is_empty());
    // a failing logout has nowhere to go
    let session = blocking::Session::connect(builder(&server)).unwrap();
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    drop(session);
    assert_eq!(logouts(&server), 2);
    let refused = builder(&server).auth(Auth::standard(DEFAULT_USER, "wrong"));
    let error = blocking::Session::connect(refused).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginFailure);
}

/// The look-up of a host or a vault's library may go on when the call was given up long ago.
#[test]
fn a_failed_connect_returns_without_waiting() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let end = std::sync::Arc::new(std::sync::Mutex::new(end));
    let stuck = Credential::from_async_fn(move || {
        let end = std::sync::Arc::clone(&end);
        async move {
            tokio::task::spawn_blocking(move || end.lock().unwrap().recv());
            Err::<String, _>(mstr_rest::CredentialError::new("the vault is closed"))
        }
    });
    let builder = builder(&server).auth(Auth::standard(DEFAULT_USER, stuck));
    let (told, outcome) = std::sync::mpsc::channel();
    let connecting = std::thread::spawn(move || {
        told.send(blocking::Session::connect(builder).unwrap_err().kind()).unwrap();
    });
    let kind = outcome.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(kind, Ok(ErrorKind::Credential));
    connecting.join().unwrap();
    drop(ended);
}

#[test]
fn connect_wait_and_close_work_everywhere() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
        let missing = session.wait(session.get("nothing")).unwrap_err();
        assert_eq!(missing.code(), Some("ERR004"));
        session.close().unwrap();
        assert!(server.sessions().is_empty());
        let error = session.wait(session.user_info()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSession);
        drop(session);
        assert_eq!(logouts(server), 1);

        let connecting = async {
            let guard = builder(server).connect().await?;
            Ok(guard.detach())
        };
        let session = blocking::Session::open(connecting).unwrap();
        session.wait(session.user_info()).unwrap();
        session.close().unwrap();
        drop(session);
        assert_eq!((server.sessions().len(), logouts(server)), (1, 1));
    });
}

#[test]
fn a_failed_connect_is_an_error_everywhere() {
    everywhere(|server| {
        let refused = builder(server).auth(Auth::standard(DEFAULT_USER, "wrong"));
        let error = blocking::Session::connect(refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LoginFailure);
        let refused = builder(server).auth(Auth::standard(DEFAULT_USER, "wrong"));
        let opening = async { Ok(refused.connect().await?.detach()) };
        let error = blocking::Session::open(opening).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LoginFailure);
    });
}

/// Timers, tasks and connections need a runtime that goes on while this thread waits.
#[test]
fn futures_run_in_the_runtime_of_the_session() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let outer = tokio::runtime::Handle::try_current().ok().map(|handle| handle.id());
        let inner: Result<_, Error> = session.wait(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let client = Session::clone(&session);
            let projects = tokio::spawn(async move { client.projects().list().await });
            assert_eq!(projects.await.unwrap()?.len(), 2);
            Ok(tokio::runtime::Handle::current().id())
        });
        assert_ne!(Some(inner.unwrap()), outer);
        let after = tokio::runtime::Handle::try_current().ok().map(|handle| handle.id());
        assert_eq!(after, outer);
        session.close().unwrap();
    });
}

#[test]
fn futures_may_borrow_and_need_not_be_send() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let (names, shared) = (vec!["projects".to_owned()], Rc::new(Cell::new(0)));
        let status: Result<_, Error> = session.wait(async {
            let reply = session.get(names[0].clone()).await?;
            shared.set(shared.get() + 1);
            Ok(reply.status().as_u16())
        });
        assert_eq!((status.unwrap(), shared.get(), names.len()), (200, 1, 1));
        session.close().unwrap();
    });
}

#[test]
fn waits_may_be_nested() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let other = blocking::Session::connect(builder(server)).unwrap();
        let count: Result<_, Error> = session.wait(async {
            let first = session.wait(session.projects().list())?;
            let second = other.wait(async { session.wait(other.projects().list()) })?;
            Ok(first.len() + second.len() + session.projects().list().await?.len())
        });
        assert_eq!(count.unwrap(), 6);
        // a task of the session's own runtime
        let session = Arc::new(session);
        let task = async {
            let session = Arc::clone(&session);
            let task = tokio::spawn(async move { session.wait(session.projects().list()) });
            task.await.unwrap()
        };
        assert_eq!(session.wait(task).unwrap().len(), 2);
        session.close().unwrap();
        other.close().unwrap();
    });
}

#[test]
fn one_session_serves_threads_in_parallel() {
    const THREADS: usize = 8;

    let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
    let shared = Arc::clone(&server);
    bounded("threads", move || {
        // each request is answered once all are there
        let together = Arc::new(Barrier::new(THREADS));
        let waiting = Arc::clone(&together);
        let session = blocking::Session::connect(builder(&shared)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let counted: Result<_, Error> = session.wait(async {
                        let first = session.projects().list().await?.len();
                        waiting.wait();
                        Ok(first + session.projects().list().await?.len())
                    });
                    assert_eq!(counted.unwrap(), 4);
                });
            }
        });
        assert_eq!(shared.count(Method::GET, "/projects"), 2 * THREADS);
    });
    assert!(server.sessions().is_empty());
}

/// The runtime whose handle is entered need not be the one that runs on this thread.
#[test]
fn the_handle_of_another_runtime_may_be_entered() {
    let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
    bounded("entered", move || {
        let other = multi_thread();
        let work = || {
            let _inside = other.enter();
            let session = blocking::Session::connect(builder(&server)).unwrap();
            assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
            session.close().unwrap();
        };
        work();
        current_thread().block_on(async { work() });
        multi_thread().block_on(async { work() });
    });
}

#[test]
fn a_panic_in_the_future_reaches_the_caller() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let waiting = AssertUnwindSafe(|| {
            session.wait(async {
                session.get("projects").await?;
                if session.has_session() {
                    std::panic::panic_any("as expected");
                }
                Ok::<_, Error>(())
            })
        });
        let panic = std::panic::catch_unwind(waiting).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"as expected"));
        assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
        session.close().unwrap();
    });
}

/// While a thread is occupied, its runtime wakes none of the tasks that have yielded.
#[test]
fn futures_that_yield_complete() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let yielding: Result<_, Error> = session.wait(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            Ok(())
        });
        yielding.unwrap();
        session.close().unwrap();
    });
}

/// Tokio makes a task yield that has used up its budget; nothing would renew the budget here.
#[test]
fn the_budget_of_the_surrounding_task_is_not_used() {
    async fn messages(count: usize) -> Result<usize, Error> {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..count).for_each(|number| sender.send(number).unwrap());
        let mut total = 0;
        while total < count && receiver.recv().await.is_some() {
            total += 1;
        }
        Ok(total)
    }

    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        // what the task around had left
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            if let Poll::Ready(budget) = tokio::task::coop::poll_proceed(&mut context) {
                budget.made_progress();
            }
        }
        assert_eq!(session.wait(messages(1000)).unwrap(), 1000);
        session.close().unwrap();
    });
}

/// `park` has one token for each thread, which code inside the future may take.
#[test]
fn futures_may_park_the_thread() {
    everywhere(|server| {
        let session = blocking::Session::connect(builder(server)).unwrap();
        let mut woken = false;
        let parking = std::future::poll_fn(|context| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(Ok::<_, Error>(()));
            }
            context.waker().wake_by_ref();
            std::thread::park_timeout(Duration::from_millis(1));
            Poll::Pending
        });
        session.wait(parking).unwrap();
        session.close().unwrap();
    });
}

/// A server, and a way to it that needs the runtime in which this is called.
async fn behind_this_runtime(server: &LibraryServer) -> SessionBuilder {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = server.base_url().replace(
        &server.address().port().to_string(),
        &listener.local_addr().unwrap().port().to_string(),
    );
    let behind = server.address();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Session::builder(base)
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

/// There is one worker only, and what the session waits for runs on it.
#[test]
fn other_tasks_of_a_blocked_worker_continue() {
    let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
    let shared = Arc::clone(&server);
    bounded("worker", move || {
        let task = async move {
            let builder = behind_this_runtime(&shared).await;
            let session = blocking::Session::connect(builder).unwrap();
            let (sender, receiver) = tokio::sync::oneshot::channel();
            tokio::spawn(async move { sender.send(7) });
            let number: Result<_, Error> = session.wait(async { Ok(receiver.await.unwrap()) });
            assert_eq!(number.unwrap(), 7);
            assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
            session.close().unwrap();
        };
        in_task(&multi_thread(), task);
    });
    assert_eq!((server.sessions().len(), logouts(&server)), (0, 1));
}

#[test]
fn dropping_logs_out_everywhere() {
    for place in Place::ALL {
        let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
        let shared = Arc::clone(&server);
        bounded(&format!("{place:?}"), move || {
            place.run(move || {
                let session = blocking::Session::connect(builder(&shared)).unwrap();
                assert_eq!(shared.sessions().len(), 1);
                drop(session);
                // where it may, dropping waits
                assert!(place.runs_tasks() || shared.sessions().is_empty(), "{place:?}");
            });
            current_thread().block_on(mstr_rest::settle());
        });
        assert_eq!((server.sessions().len(), logouts(&server)), (0, 1), "{place:?}");
    }
}

/// The logout goes through the runtime whose thread drops the session.
#[test]
fn dropping_in_async_code_does_not_wait() {
    async fn connect_and_drop(server: Arc<LibraryServer>) {
        let builder = behind_this_runtime(&server).await;
        let connecting = spawn_blocking(|| blocking::Session::connect(builder));
        drop(connecting.await.unwrap().unwrap());
        mstr_rest::settle().await;
        assert_eq!((server.sessions().len(), logouts(&server)), (0, 1));
    }

    for runtime in [multi_thread, current_thread] {
        let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
        bounded("drop", move || {
            in_task(&runtime(), connect_and_drop(server));
        });
    }
}

#[test]
fn dropping_while_a_panic_unwinds_logs_out() {
    for place in Place::ALL {
        let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
        let shared = Arc::clone(&server);
        bounded(&format!("{place:?}"), move || {
            place.run(move || {
                let work = AssertUnwindSafe(|| {
                    let _session = blocking::Session::connect(builder(&shared)).unwrap();
                    std::panic::panic_any("as expected");
                });
                let panic = std::panic::catch_unwind(work).unwrap_err();
                assert_eq!(panic.downcast_ref(), Some(&"as expected"));
            });
            current_thread().block_on(mstr_rest::settle());
        });
        assert_eq!((server.sessions().len(), logouts(&server)), (0, 1), "{place:?}");
    }
}

/// The thread-local state of Tokio may be gone before that of the program.
#[test]
fn a_session_in_a_thread_local_logs_out_when_the_thread_ends() {
    thread_local! {
        static SESSION: RefCell<Option<blocking::Session>> = const { RefCell::new(None) };
    }

    fn in_thread_local(connect: impl FnOnce() -> blocking::Session + Send + 'static) {
        let thread = std::thread::spawn(move || {
            // before the state of Tokio, so that it is dropped after it
            SESSION.set(None);
            SESSION.set(Some(connect()));
        });
        thread.join().unwrap();
    }

    let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
    let shared = Arc::clone(&server);
    in_thread_local(move || blocking::Session::connect(builder(&shared)).unwrap());
    assert_eq!((server.sessions().len(), logouts(&server)), (0, 1));
    // not ours to end
    let shared = Arc::clone(&server);
    in_thread_local(move || {
        let opening = async { Ok(builder(&shared).connect().await?.detach()) };
        blocking::Session::open(opening).unwrap()
    });
    assert_eq!((server.sessions().len(), logouts(&server)), (1, 1));
}

#[cfg(feature = "persist")]
#[test]
fn saved_sessions_are_opened_and_not_logged_out() {
    use mstr_rest::persist::{MemoryStore, SnapshotStore};

    let server = LibraryServer::builder().start_blocking().unwrap();
    let store = MemoryStore::new();
    for _ in 0..2 {
        let connecting = builder(&server).connect_or_restore(&store, "p");
        let session = blocking::Session::open(connecting).unwrap();
        assert!(session.wait(session.is_alive()).unwrap());
        assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
        // not ours to end
        session.close().unwrap();
    }
    assert_eq!((server.count(Method::POST, "/auth/login"), logouts(&server)), (1, 0));
    let session = blocking::Session::connect(builder(&server)).unwrap();
    let kept = session.wait(store.load("p")).unwrap().unwrap();
    session.restore(&kept).unwrap();
    session.wait(store.save("q", &session.snapshot())).unwrap();
    drop(session);
    // the login that the snapshot took the place of
    assert_eq!((server.sessions().len(), logouts(&server)), (1, 1));
    let error = blocking::Session::open(builder(&server).connect_or_restore(&store, "../p"));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
}
