//! Servers that are none: each answers every request with the same bytes, or with none.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// What a stub answers.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then the same piece for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, and the connection stays.
    Silence,
    /// The connection ends at once.
    Nothing,
}

/// An HTTP answer with this status line, these headers and this body.
pub(crate) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    Reply::Bytes([head.as_bytes(), body].concat())
}

/// The same as JSON.
pub(crate) fn json(status: &str, body: &str) -> Reply {
    http(status, "content-type: application/json\r\n", body)
}

/// Serves until the test ends. The port.
pub(crate) fn serve(reply: Reply) -> u16 {
    serve_by(move |_| reply.clone())
}

/// Serves by path.
pub(crate) fn serve_by(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reply = Arc::new(reply);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let reply = Arc::clone(&reply);
            std::thread::spawn(move || answer(stream, &*reply));
        }
    });
    port
}

/// Whoever is gone needs no answer, so all errors end it quietly.
fn answer(mut stream: TcpStream, reply: &dyn Fn(&str) -> Reply) {
    let Some(path) = request(&mut stream) else { return };
    match reply(&path) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        Reply::Endless(head, piece) => {
            let mut written = stream.write_all(&head);
            while written.is_ok() {
                written = stream.write_all(&piece);
            }
        }
        Reply::Silence => {}
        Reply::Nothing => return,
    }
    if !matches!(reply(&path), Reply::Silence) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    // An end with unread bytes would be a reset, which may overtake what was written.
    let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Reads the head of a request. Its path.
fn request(stream: &mut TcpStream) -> Option<String> {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 << 10 {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    head.split(' ').nth(1).map(str::to_owned)
}

/// A kubeconfig that leads to a port of this machine.
pub(crate) fn kubeconfig(port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: east\nclusters:\n- name: east\n  cluster:\n    \
         server: http://127.0.0.1:{port}\nusers:\n- name: ada\n  user:\n    token: t\ncontexts:\n\
         - name: east\n  context:\n    cluster: east\n    user: ada\n"
    )
}
