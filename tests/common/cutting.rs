//! A network that breaks: connections through it are cut again and again.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::Server;

/// A proxy before a server. It passes on so many bytes towards the server, and then cuts the
/// connection that brought the last of them.
pub(crate) struct Cutting {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    every: usize,
    /// Bytes since the last cut.
    passed: AtomicUsize,
    cuts: AtomicUsize,
}

impl Cutting {
    pub(crate) fn before(server: &Server, every: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            every,
            passed: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
        });
        let (to, shared) = (server.address().clone(), Arc::clone(&state));
        // Ends with the process: a test has a few of them.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(&to) {
                    pass(client, server, &shared);
                }
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a connection was cut.
    pub(crate) fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

/// Passes on bytes in both directions.
fn pass(client: TcpStream, server: TcpStream, state: &Arc<State>) {
    let pairs = [
        (client.try_clone(), server.try_clone(), true),
        (Ok(server), Ok(client), false),
    ];
    for (from, to, is_counted) in pairs {
        let (mut from, mut to) = (from.expect("a socket"), to.expect("a socket"));
        let state = Arc::clone(state);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
                if is_counted {
                    let passed = state.passed.fetch_add(count, Ordering::Relaxed) + count;
                    if passed >= state.every {
                        state.passed.store(0, Ordering::Relaxed);
                        state.cuts.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
            }
            let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
        });
    }
}
