//! Any bytes to the port: an answer of HTTP, or the end of the connection, and never a 500.
#![no_main]

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    path::PathBuf,
    sync::{LazyLock, Mutex, mpsc},
    thread,
    time::Duration,
};

use libfuzzer_sys::{Corpus, fuzz_target};
use morelia::{
    app::{self, Start},
    config::Sources,
    store::Store,
};

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the server listens.
static ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    thread::spawn(move || {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("morelia.db");
        Store::prepare(&database).expect("a database");
        let set = |name: &str, value: OsString| (OsString::from(name), value);
        let sources = Sources {
            named: None,
            environment: vec![
                set("MORELIA__DATABASE__PATH", database.into()),
                set("MORELIA__SERVER__HOST", "127.0.0.1".into()),
                set("MORELIA__SERVER__PORT", "0".into()),
                set("MORELIA__LOGGING__LEVEL", "error".into()),
            ],
            overrides: Vec::new(),
            folder: folder.path().to_owned(),
            system: PathBuf::from("/nonexistent/morelia.ini"),
        };
        let start = Start {
            max_requests: None,
            reload: false,
            verbose: false,
        };
        let result = app::serve(start, &sources, |line| {
            let address = line.rsplit("//").next().unwrap_or_default().to_owned();
            let _ = tell.lock().expect("alive").send(address);
            Ok(())
        });
        panic!("the server has ended: {:?}", result.map(|_| ()));
    });
    told.recv().expect("a ready line")
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut stream = TcpStream::connect(ADDRESS.trim_end_matches('/')).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // A server may close while it is still being written to.
    let _ = stream.write_all(data);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => panic!("the connection stays"),
        _ => {}
    }
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "a bug");
    Corpus::Keep
});
