//! What programs post leaves those alone who talk.
//!
//! `make soak` gives it ten thousand posts in a minute, or `POSTS=`; at each run of the tests they are a few
//! hundred.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    common::{Person, Server, http},
    hooks::hook,
};

/// Hooks of one conversation at most.
const OF_ONE: usize = 20;

/// Posts of one hook at once, and within a minute.
const AT_ONCE: usize = 10;
const A_MINUTE: usize = 60;

/// Threads that post.
const POSTERS: usize = 4;

/// The longest that somebody who talks waits for an answer, of a hundred 99.
const BEARABLE: Duration = Duration::from_millis(500);

/// How long the slowest of a hundred answers takes while `goes_on`.
fn slowest(person: &mut Person, flow: &str, goes_on: impl Fn(usize) -> bool) -> Duration {
    let mut taken = Vec::new();
    while goes_on(taken.len()) {
        let begun = Instant::now();
        person.send(flow, "and you?");
        taken.push(begun.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    taken.sort_unstable();
    taken[taken.len() * 99 / 100]
}

#[test]
fn posts_leave_those_alone_who_talk() {
    let posts: usize =
        std::env::var("MORELIA_POSTS").map_or(400, |text| text.parse().expect("a number"));
    let each = if posts > 1000 { A_MINUTE } else { AT_ONCE };
    let many = "1000000";
    let server = Server::with(&[
        ("limits.requests_per_second", many),
        ("limits.burst", many),
        ("limits.messages_per_minute", "0"),
    ]);
    let mut anna = server.register("anna");
    let talk = anna.group("Talk", &[]);
    let mut secrets = Vec::new();
    while secrets.len() * each < posts {
        let flow = anna.group("Programs", &[]);
        for number in 0..OF_ONE.min(posts.div_ceil(each) - secrets.len()) {
            secrets.push(hook(&mut anna, &flow, &format!("Program {number}")));
        }
    }
    let before = slowest(&mut anna, &talk, |count| count < 200);
    let (done, working) = (AtomicUsize::new(0), AtomicUsize::new(POSTERS));
    let beside = thread::scope(|scope| {
        for poster in 0..POSTERS {
            let (server, secrets, done, working) = (&server, &secrets, &done, &working);
            scope.spawn(move || {
                for number in (poster..posts).step_by(POSTERS) {
                    let path = format!("/hook/{}", secrets[number % secrets.len()]);
                    loop {
                        let answer = http::send(server, "POST", &path, "", b"it is warm");
                        if answer.status == 200 {
                            break;
                        }
                        assert_eq!(answer.status, 429);
                        thread::sleep(Duration::from_millis(200));
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        slowest(&mut anna, &talk, |_| working.load(Ordering::Relaxed) > 0)
    });
    assert_eq!(done.load(Ordering::Relaxed), posts);
    println!(
        "{posts} posts: of a hundred answers 99 take {beside:?}, {before:?} without them: {:.1} times as long",
        beside.as_secs_f64() / before.as_secs_f64()
    );
    assert!(
        beside < BEARABLE.max(before * 20),
        "{beside:?}, {before:?} without posts"
    );
}
