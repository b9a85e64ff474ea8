//! `client conformance`: replays the protocol against any MTP server.
//!
//! Every case is a request and the code that the protocol specifies for it; the table is in
//! [`super::cases`]. The accounts that it creates are deleted at the end.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    Failure, Server,
    cases::{CASES, Case, EXTENSIONS, UNREADABLE, Who},
    not_mtp,
    print::{Output, line},
    rich_cases::RICH,
};
use crate::{
    client::{Connection, Reply, Request, SignIn},
    exit::Exit,
};

/// An id that no server assigns.
const NOBODY: &str = "1";

/// Replays the protocol and prints one line per case.
pub(super) async fn run(
    server: &Server,
    output: &Output,
    code: Option<&str>,
) -> Result<Exit, Failure> {
    let mut replay = Replay {
        connection: server.open().await?,
        is_json: output.is_json(),
        results: Vec::new(),
        ids: HashMap::from([("nobody", NOBODY.to_owned())]),
    };
    for (name, frame) in UNREADABLE {
        let answer = replay.connection.exchange((*frame).to_owned()).await?;
        replay.judge(name, &answer, 415, "error")?;
    }
    replay.version().await?;
    // The name is also the password: random, and deleted with the account.
    let name = format!("conformance-{:016x}", rand::random::<u64>());
    let anna = replay
        .account(server, &format!("{name}-a"), &name, code)
        .await?;
    let boris = match &anna {
        Some(_) => {
            replay
                .account(server, &format!("{name}-b"), &name, code)
                .await?
        }
        None => None,
    };
    if let (Some(anna), Some(boris)) = (&anna, &boris) {
        replay.ids.insert("anna", anna.uuid.clone());
        replay.ids.insert("boris", boris.uuid.clone());
        for case in CASES {
            replay.case(case, anna, boris).await?;
        }
        for case in EXTENSIONS {
            replay.case(case, anna, boris).await?;
        }
        if replay.has_rich(anna).await? {
            for case in RICH {
                replay.case(case, anna, boris).await?;
            }
        }
    } else {
        output.note(
            "morelia: without two accounts most cases cannot be tried; give --code with an invitation for two",
        );
    }
    // A connection that has subscribed is closed when its session ends.
    replay.connection = server.open().await?;
    for account in [boris, anna].into_iter().flatten() {
        replay.farewell(&account, &name).await?;
    }
    let Replay {
        connection,
        results,
        ..
    } = replay;
    connection.close().await;
    let failed = results.iter().filter(|(_, wrong)| wrong.is_some()).count();
    if output.is_json() {
        let cases: Vec<Value> = results
            .iter()
            .map(|(name, wrong)| json!({"case": name, "ok": wrong.is_none(), "wrong": wrong}))
            .collect();
        output.document(&json!({"cases": cases, "failed": failed}))?;
    } else {
        line(&format!("{} cases, {failed} failed", results.len()))?;
    }
    Ok(if failed == 0 {
        Exit::Ok
    } else {
        Exit::ProblemsFound
    })
}

struct Replay {
    connection: Connection,
    is_json: bool,
    /// The cases, each with what was wrong.
    results: Vec<(String, Option<String>)>,
    /// The values of the placeholders in the cases.
    ids: HashMap<&'static str, String>,
}

impl Replay {
    /// Runs a case of the tables; an extension that the server lacks is skipped.
    async fn case(&mut self, case: &Case, anna: &SignIn, boris: &SignIn) -> Result<(), Failure> {
        let known = |text: &str| {
            let ids = self.ids.iter();
            ids.fold(text.to_owned(), |text, (name, id)| {
                text.replace(&format!("{{{name}}}"), id)
            })
        };
        let (data, has) = (known(case.data), known(case.has));
        // If an earlier case has stored nothing, the placeholder stays and names no user.
        let data: Value = serde_json::from_str(&data).unwrap_or_default();
        let request = match case.who {
            Who::Stranger => Request::new(case.method, data),
            Who::Anna => Request::signed(case.method, anna, data),
            Who::Boris => Request::signed(case.method, boris, data),
        };
        let accepted = if case.accepts {
            &[super::RICH.to_owned()][..]
        } else {
            &[]
        };
        let request = request.accepting(accepted);
        let reply = self.connection.request(&request).await?;
        if reply.code() == 405
            && case.code != 405
            && EXTENSIONS.iter().any(|it| it.name == case.name)
        {
            return Ok(());
        }
        let kind = if case.code == 405 {
            "error"
        } else {
            case.method
        };
        let wrong = wrong(&reply, case.code, kind).or_else(|| {
            let is_there = has.is_empty() || reply.frame().pointer(&has).is_some();
            (!is_there).then(|| format!("nothing stands at {has}"))
        });
        self.note(case.name, wrong)?;
        if !case.keep.is_empty() {
            let data = reply.data();
            let kept = ["message", "flow"]
                .iter()
                .find_map(|list| data[*list][0]["uuid"].as_str());
            self.ids
                .insert(case.keep, kept.unwrap_or(NOBODY).to_owned());
        }
        Ok(())
    }

    /// Records and prints whether an answer is the expected one.
    fn judge(&mut self, name: &str, reply: &Reply, code: u16, kind: &str) -> Result<(), Failure> {
        self.note(name, wrong(reply, code, kind))
    }

    /// Records and prints what was wrong in a case, if anything.
    fn note(&mut self, name: &str, wrong: Option<String>) -> Result<(), Failure> {
        if !self.is_json {
            match &wrong {
                None => line(&format!("ok    {name}"))?,
                Some(wrong) => line(&format!("FAIL  {name}: {wrong}"))?,
            }
        }
        self.results.push((name.to_owned(), wrong));
        Ok(())
    }

    /// Returns whether the server sends more to clients that accept it. Its answer to `subscribe` says so.
    async fn has_rich(&mut self, who: &SignIn) -> Result<bool, Failure> {
        let words = [super::RICH.to_owned()];
        let request = Request::signed("subscribe", who, Value::Null).accepting(&words);
        let reply = self.connection.request(&request).await?;
        let features = reply.data()["meta"]["features"].as_array();
        Ok(features.is_some_and(|features| features.contains(&json!(super::RICH))))
    }

    async fn version(&mut self) -> Result<(), Failure> {
        let old = r#"{"type":"ping_pong","data":null,"jsonapi":{"version":"0.1"}}"#;
        let reply = self.connection.exchange(old.to_owned()).await?;
        self.judge("a version that is not spoken", &reply, 505, "ping_pong")
    }

    /// Registers an account and logs in to it.
    async fn account(
        &mut self,
        server: &Server,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<Option<SignIn>, Failure> {
        let user = |password: &str| json!({"user": [{"login": login, "password": password, "auth_id": code}]});
        let nameless = json!({"user": [{"password": password, "auth_id": code}]});
        for (name, method, data, code) in [
            (
                "register_user without a login",
                "register_user",
                nameless,
                400,
            ),
            (
                "authentication, unknown login",
                "authentication",
                user(password),
                401,
            ),
            ("register_user", "register_user", user(password), 201),
            (
                "register_user, login taken",
                "register_user",
                user(password),
                409,
            ),
            (
                "authentication, wrong password",
                "authentication",
                user("wrong"),
                401,
            ),
            (
                "authentication by its old name",
                "auth",
                user(password),
                200,
            ),
        ] {
            let reply = self.connection.request(&Request::new(method, data)).await?;
            self.judge(name, &reply, code, method)?;
            if code == 201 && reply.code() != 201 {
                return Ok(None);
            }
        }
        let reply = self
            .connection
            .request(&Request::new("authentication", user(password)))
            .await?;
        self.judge("authentication", &reply, 200, "authentication")?;
        match SignIn::from_data(login, reply.data()) {
            Some(account) => Ok(Some(account)),
            None => Err(not_mtp(server, &reply).into()),
        }
    }

    async fn farewell(&mut self, who: &SignIn, password: &str) -> Result<(), Failure> {
        for (name, password, code) in [
            ("delete_user, wrong password", "wrong", 401),
            ("delete_user", password, 200),
        ] {
            let data = json!({"user": [{"login": who.login, "password": password}]});
            let reply = self
                .connection
                .request(&Request::signed("delete_user", who, data))
                .await?;
            self.judge(name, &reply, code, "delete_user")?;
        }
        Ok(())
    }
}

/// Returns what is wrong with an answer, if anything.
fn wrong(reply: &Reply, code: u16, kind: &str) -> Option<String> {
    let frame = reply.frame();
    let keys: Vec<&str> = frame.as_object()?.keys().map(String::as_str).collect();
    if reply.code() != code {
        let detail = frame["errors"]["detail"].as_str().unwrap_or_default();
        Some(format!("expected {code}, got {} ({detail})", reply.code()))
    } else if keys != ["data", "errors", "jsonapi", "meta", "type"] {
        Some(format!("the keys of the answer are {}", keys.join(", ")))
    } else if frame["type"] != *kind {
        Some(format!("expected type {kind}, got {}", frame["type"]))
    } else if !reply.meta().is_null() {
        Some("meta is not null".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_every_case_is_json_once_its_ids_are_known() {
        for case in CASES.iter().chain(EXTENSIONS).chain(RICH) {
            let mut data = case.data.to_owned();
            for name in [
                "nobody", "anna", "boris", "own", "channel", "message", "saved",
            ] {
                data = data.replace(&format!("{{{name}}}"), "123");
            }
            assert!(
                serde_json::from_str::<Value>(&data).is_ok(),
                "{}: {data}",
                case.name
            );
        }
    }

    #[test]
    fn a_wrong_answer_is_noticed() {
        let good = json!({"type": "x", "data": null, "errors": {"code": 200}, "jsonapi": {}, "meta": null});
        let verdict = |key: &str, value: Value| {
            let mut frame = good.clone();
            frame[key] = value;
            wrong(&Reply::read(frame).expect("a reply"), 200, "x")
        };
        assert_eq!(verdict("type", json!("x")), None);
        assert!(verdict("type", json!("y")).is_some());
        assert!(verdict("errors", json!({"code": 404})).is_some());
        assert!(verdict("meta", json!({})).is_some());
        assert!(verdict("more", json!(1)).is_some());
    }
}
