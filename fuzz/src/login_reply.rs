//! A login whose reply is any bytes at all, over a real connection: it ends, with a token or with
//! an error, and the password is in neither.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use mstr_rest_core::{Auth, Session};
use tokio::runtime::Runtime;

const PASSWORD: &str = "c4n4rypassword";

/// No reply takes this long, for the server closes the connection behind it.
const HANG: Duration = Duration::from_secs(20);

/// The data is what the server sends.
pub fn check(data: &[u8]) {
    static BENCH: OnceLock<Mutex<Bench>> = OnceLock::new();
    let bench = BENCH.get_or_init(|| Mutex::new(Bench::start()));
    bench.lock().unwrap_or_else(PoisonError::into_inner).check(data);
}

struct Bench {
    runtime: Runtime,
    server: u16,
    replies: std::sync::mpsc::Sender<Vec<u8>>,
    logins: u32,
}

impl Bench {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
        let server = listener.local_addr().expect("an address").port();
        let (replies, next) = std::sync::mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for reply in next {
                let (connection, _) = listener.accept().expect("a connection");
                // what the client does with its end is its own affair
                let _ = serve(connection, &reply);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { runtime: runtime.expect("a runtime"), server, replies, logins: 0 }
    }

    fn check(&mut self, reply: &[u8]) {
        self.replies.send(reply.to_vec()).expect("the server runs");
        // Closed connections hold their pair of ports for a minute: go round the loopback network.
        self.logins += 1;
        let [_, a, b, c] = self.logins.to_be_bytes();
        let address = SocketAddr::from(([127, a, b, c.max(1)], self.server));
        let session = Session::builder(format!("http://{address}/MicroStrategyLibrary/api/"))
            .environment_proxies(false)
            .build()
            .expect("a session");
        let login = session.login(Auth::standard("dave", PASSWORD));
        // the timer wants to be made inside of the runtime
        let outcome = self.runtime.block_on(async { tokio::time::timeout(HANG, login).await });
        let said = match outcome.expect("a login that hangs") {
            Ok(reply) => {
                assert!(session.has_session(), "logged in without a token");
                format!("{reply:?} {session:?} {:?}", session.cookies())
            }
            Err(error) => {
                assert!(!session.has_session(), "a failed login left a token");
                let mut said = format!("{error} {error:?} {session:?}");
                let mut source = std::error::Error::source(&error);
                while let Some(error) = source {
                    said += &format!(" {error} {error:?}");
                    source = error.source();
                }
                said
            }
        };
        assert!(!said.contains(PASSWORD), "the password is told");
    }
}

/// Reads the whole request, sends the reply, and closes.
fn serve(mut connection: TcpStream, reply: &[u8]) -> std::io::Result<()> {
    connection.set_read_timeout(Some(HANG))?;
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match connection.read(&mut piece)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
    connection.write_all(reply)?;
    connection.shutdown(Shutdown::Write)?;
    while connection.read(&mut piece)? > 0 {}
    Ok(())
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    request.len() >= end + 4 + length
}
