//! The ceiling of fan-out: a loop that writes what one peer sends to all others, and nothing else.
//!
//! It runs in a process of its own, this program with `--broadcast-loop`, so that sender and
//! receivers see it as they see the product: another process over the same loopback sockets.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

/// What makes this program the loop.
pub(crate) const ARGUMENT: &str = "--broadcast-loop";

/// Serves: the first connections, as many as `receivers`, get what the next one sends.
pub(crate) fn serve(receivers: usize, frame_bytes: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    println!("listening on http://{address}");
    let accept = || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
    };
    let mut all: Vec<TcpStream> = (0..receivers).map(|_| accept()).collect();
    let mut sender = accept();
    let mut frame = vec![0; frame_bytes];
    while sender.read_exact(&mut frame).is_ok() {
        // The product answers before it delivers.
        sender.write_all(&frame).expect("answered");
        for receiver in &mut all {
            receiver.write_all(&frame).expect("delivered");
        }
    }
}
