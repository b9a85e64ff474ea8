//! A slow line before a server: what comes down it takes its time.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Opens a line of so many bytes a second, and returns its address. It ends with the program.
pub(crate) fn slow(server: SocketAddr, bytes_per_second: f64) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(server).expect("connected");
            let up = (client.try_clone().expect("a socket"), server.try_clone());
            let up = (up.0, up.1.expect("a socket"));
            thread::spawn(move || pass(up.0, up.1, f64::INFINITY));
            thread::spawn(move || pass(server, client, bytes_per_second));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream, bytes_per_second: f64) {
    let mut buffer = vec![0; 1500];
    // When what was passed on so far is through.
    let mut through = Instant::now();
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let takes = Duration::from_secs_f64(count as f64 / bytes_per_second);
        through = through.max(Instant::now()) + takes;
        thread::sleep(through.saturating_duration_since(Instant::now()));
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}
