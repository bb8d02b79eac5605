//! The client against a server that misbehaves in every way.

mod remote_stub;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axia::remote::{
    ApiKey, Backoff, ChatModel, ChatOptions, ChatReply, Client, ClientSettings, Reach, RemoteError,
    ResponseFormat,
};
use axia_engine::chat::ChatMessage;
use serde_json::json;

use remote_stub::{Act, Stub, body, fails, fails_with, json_body, says};

const SECRET: &str = "sk-open-sesame";

fn quick() -> ClientSettings {
    let backoff = Backoff {
        retries: 2,
        first: Duration::from_millis(20),
        longest: Duration::from_millis(40),
        longest_asked: Duration::from_secs(2),
    };
    ClientSettings { backoff, ..ClientSettings::default() }
}

fn client(stub: &Stub, settings: ClientSettings) -> Client {
    let key = ApiKey::new(SECRET, "KEY").unwrap();
    Client::new(stub.address.parse().unwrap(), key, settings)
}

fn ask_with(stub: &Stub, settings: ClientSettings) -> Result<ChatReply, RemoteError> {
    let model = ChatModel::new(client(stub, settings), "m");
    model.reply(&[ChatMessage::user("hello")], &ChatOptions::default(), &AtomicBool::new(false))
}

fn ask(acts: Vec<Act>) -> (Stub, Result<ChatReply, RemoteError>) {
    let stub = Stub::acting(acts);
    let reply = ask_with(&stub, quick());
    (stub, reply)
}

#[test]
fn a_request_says_what_it_should_and_no_more() {
    let stub = Stub::acting(vec![says("hi")]);
    let model = ChatModel::new(client(&stub, quick()), "org/model");
    let messages = [ChatMessage::system("be kind"), ChatMessage::user("hello \"you\"\n")];
    let cancel = AtomicBool::new(false);
    let reply = model.reply(&messages, &ChatOptions::default(), &cancel).unwrap();
    assert_eq!(reply, ChatReply { text: "hi".into(), finish_reason: Some("stop".into()) });
    let options = ChatOptions {
        temperature: Some(0.5),
        top_p: Some(0.9),
        max_tokens: Some(7),
        seed: Some(3),
        stop: vec!["\n".to_owned()],
        response_format: Some(ResponseFormat::JsonObject),
    };
    model.reply(&messages, &options, &cancel).unwrap();

    let requests = stub.requests();
    assert_eq!(requests[0].path, "/v1/chat/completions");
    assert_eq!(requests[0].headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!(requests[0].headers["content-type"], "application/json");
    assert!(requests[0].headers["user-agent"].starts_with("axia/"));
    let sent = json!([
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hello \"you\"\n"},
    ]);
    assert_eq!(requests[0].body, json!({"model": "org/model", "messages": sent, "stream": false}));
    assert_eq!(
        requests[1].body,
        json!({"model": "org/model", "messages": sent, "stream": false, "temperature": 0.5,
            "top_p": 0.9, "max_tokens": 7, "seed": 3, "stop": ["\n"],
            "response_format": {"type": "json_object"}})
    );
}

#[test]
fn without_a_key_none_is_sent() {
    let stub = Stub::acting(vec![says("hi")]);
    let client = Client::new(stub.address.parse().unwrap(), None, quick());
    let model = ChatModel::new(client, "m");
    model.reply(&[], &ChatOptions::default(), &AtomicBool::new(false)).unwrap();
    assert!(!stub.requests()[0].headers.contains_key("authorization"));
}

#[test]
fn a_busy_server_is_given_the_time_it_asks_for() {
    let (stub, reply) = ask(vec![fails_with(429, "Retry-After: 0.3", "slow down"), says("hi")]);
    assert_eq!(reply.unwrap().text, "hi");
    let requests = stub.requests();
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(300));
}

#[test]
fn one_busy_answer_holds_all_threads() {
    let stub = Stub::new(|_, n| match n {
        0 => fails_with(429, "Retry-After: 0.3", "slow down"),
        _ => says("hi"),
    });
    let held = Arc::new(AtomicBool::new(false));
    let hears = held.clone();
    let client = client(&stub, quick()).with_notes(move |_| hears.store(true, Ordering::SeqCst));
    let model = ChatModel::new(client, "m");
    let ask = || {
        let cancel = AtomicBool::new(false);
        model.reply(&[], &ChatOptions::default(), &cancel).unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(ask);
        while !held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        scope.spawn(ask);
    });
    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[1..].iter().all(|r| r.at - requests[0].at >= Duration::from_millis(250)));
}

#[test]
fn a_server_that_asks_for_too_long_a_wait_is_given_up_at_once() {
    let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    for (header, seconds) in [
        ("Retry-After: 3".to_owned(), "a wait of 3 s"),
        (format!("Retry-After: {in_an_hour}"), "after 1 try, and it asks for a wait"),
    ] {
        let (stub, reply) = ask(vec![fails_with(429, &header, "come back"), says("hi")]);
        let error = reply.unwrap_err();
        assert!(matches!(error, RemoteError::Busy { .. }), "{error}");
        assert!(error.to_string().contains(seconds) && error.to_string().contains("come back"));
        assert_eq!(error.reach(), Reach::Server);
        assert_eq!(stub.requests().len(), 1);
    }
    // A date that has passed asks for no wait.
    let long_ago = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT";
    let (stub, reply) = ask(vec![fails_with(503, long_ago, "x"), says("hi")]);
    assert_eq!(reply.unwrap().text, "hi");
    assert_eq!(stub.requests().len(), 2);
}

#[test]
fn failures_that_may_pass_are_tried_again() {
    for act in [
        fails(500, "oops"),
        fails(503, "loading"),
        fails(408, "slow"),
        Act::HangUp,
        Act::Cut(1000, b"{\"choices\": [".to_vec()),
    ] {
        let (stub, reply) = ask(vec![act.clone(), act.clone(), says("hi")]);
        assert_eq!(reply.unwrap().text, "hi", "{act:?}");
        let at: Vec<_> = stub.requests().iter().map(|r| r.at).collect();
        assert_eq!(at.len(), 3, "{act:?}");
        // At least half of 20 ms, then of 40 ms.
        assert!(at[1] - at[0] >= Duration::from_millis(10), "{act:?}");
        assert!(at[2] - at[1] >= Duration::from_millis(20), "{act:?}");
    }
}

#[test]
fn tries_are_bounded() {
    for (act, part) in [
        (fails(500, "oops"), "failed 3 times, with status 500 (\"oops\")"),
        (fails(429, "quota"), "status 429 after 3 tries (\"quota\")"),
        (Act::HangUp, "broke 3 times"),
        (Act::Cut(99, b"{".to_vec()), "broke 3 times"),
    ] {
        let (stub, reply) = ask(vec![act]);
        let message = reply.unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
        assert!(message.contains(&format!("{}/v1/chat/completions", stub.address)), "{message}");
        assert_eq!(stub.requests().len(), 3);
    }
}

#[test]
fn answers_that_cannot_be_used_are_described_and_not_asked_for_again() {
    for (act, part) in [
        (body("{\"choices\": [{\"mess"), "EOF while parsing"),
        (body("<html>welcome</html>"), "it begins \"<html>welcome</html>\""),
        (body(""), "EOF"),
        (json_body(json!({"choices": []})), "list of choices is empty"),
        (json_body(json!({"error": {"message": "no such model"}})), "\"no such model\""),
        (json_body(json!({"choices": [{"text": "completions"}]})), "missing field `message`"),
        (json_body(json!({"choices": [{"message": {"content": 7}}]})), "integer `7`"),
        (json_body(json!([1, 2])), "no usable answer"),
        (
            json_body(
                json!({"choices": [{"message": {"content": null}, "finish_reason": "length"}]}),
            ),
            "without text, finished for `length`",
        ),
        (
            json_body(json!({"choices": [{"message": {"content": "", "refusal": "I will not"}}]})),
            "the model refused: \"I will not\"",
        ),
        (says(" \n"), "without text"),
    ] {
        let (stub, reply) = ask(vec![act]);
        let error = reply.unwrap_err();
        assert!(matches!(error, RemoteError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(error.reach(), Reach::Answer);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[test]
fn a_long_answer_is_cut_off() {
    let (stub, reply) = ask(vec![says(&"x".repeat(10_000_000))]);
    let error = reply.unwrap_err();
    let expected = RemoteError::TooLong {
        url: format!("{}/v1/chat/completions", stub.address),
        limit: 1 << 20,
    };
    assert_eq!(error, expected);
    assert!(error.to_string().contains("1048576 bytes"), "{error}");
    // A long error is no reason to lose the status.
    let (_stub, reply) = ask(vec![fails(400, &"x".repeat(5_000_000))]);
    let message = reply.unwrap_err().to_string();
    assert!(message.contains("status 400") && message.len() < 600, "{message}");
}

#[test]
fn a_silent_server_runs_out_of_time() {
    for settings in [
        ClientSettings { read: Duration::from_millis(50), ..quick() },
        ClientSettings { total: Duration::from_millis(50), ..quick() },
    ] {
        let stub = Stub::acting(vec![Act::Silence, says("hi")]);
        assert_eq!(ask_with(&stub, settings.clone()).unwrap().text, "hi");
        let stub = Stub::acting(vec![Act::Silence]);
        let message = ask_with(&stub, settings).unwrap_err().to_string();
        assert!(message.contains("broke 3 times: timeout"), "{message}");
        assert!(message.contains("allow more time"), "{message}");
    }
}

#[test]
fn a_slow_server_is_waited_for() {
    let (stub, reply) = ask(vec![Act::Late(Duration::from_millis(150), "at last".to_owned())]);
    assert_eq!(reply.unwrap().text, "at last");
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn a_cancellation_is_answered_at_once() {
    let busy = fails_with(429, "Retry-After: 2", "later");
    for act in [Act::Silence, busy] {
        let stub = Stub::acting(vec![act]);
        let model = ChatModel::new(client(&stub, quick()), "m");
        let cancel = AtomicBool::new(false);
        let start = Instant::now();
        let reply = std::thread::scope(|scope| {
            let reply = scope.spawn(|| model.reply(&[], &ChatOptions::default(), &cancel));
            while stub.requests().is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            cancel.store(true, Ordering::Relaxed);
            reply.join().unwrap()
        });
        assert_eq!(reply, Err(RemoteError::Cancelled));
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn statuses_that_will_not_pass_say_what_to_do() {
    for (act, part) in [
        (fails(401, "no"), "key may be wrong"),
        (fails(403, "no"), "key may be wrong"),
        (fails(402, "no"), "credit"),
        (fails(404, "no model m"), "(\"no model m\"); check the address, and that the server has"),
        (fails(405, ""), "check the address"),
        (fails_with(301, "Location: https://other.example/v1", ""), "https://other.example/v1"),
        (fails_with(307, "Location: https://other.example/v1", ""), "https://other.example/v1"),
    ] {
        let (stub, reply) = ask(vec![act]);
        let error = reply.unwrap_err();
        assert!(matches!(error, RemoteError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.reach(), Reach::Server);
        assert_eq!(stub.requests().len(), 1);
    }
    let (stub, reply) = ask(vec![fails(413, "too large")]);
    let error = reply.unwrap_err();
    assert!(matches!(error, RemoteError::Rejected { status: 413, .. }), "{error}");
    assert_eq!(error.reach(), Reach::Question);
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn a_server_that_is_not_there_is_named_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{port}").parse().unwrap();
    let model = ChatModel::new(Client::new(address, None, quick()), "m");
    let reply = model.reply(&[], &ChatOptions::default(), &AtomicBool::new(false));
    let error = reply.unwrap_err();
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}/v1")), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn the_key_stays_out_of_errors_notes_and_debug_output() {
    let echo = format!("your key {SECRET} is \u{1b}[31mbad");
    for status in [400, 401, 429, 500, 200] {
        let stub = Stub::acting(vec![Act::Answer(status, String::new(), echo.clone().into())]);
        let notes: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = notes.clone();
        let client = client(&stub, quick())
            .with_notes(move |line| heard.lock().unwrap().push(line.to_owned()));
        let model = ChatModel::new(client, "m");
        let reply = model.reply(&[], &ChatOptions::default(), &AtomicBool::new(false));
        let error = reply.unwrap_err();
        let mut texts = vec![error.to_string(), format!("{error:?}")];
        texts.extend(notes.lock().unwrap().iter().cloned());
        assert_eq!(texts.len(), if status >= 429 { 4 } else { 2 }, "{texts:?}");
        for text in texts {
            assert!(!text.contains(SECRET) && !text.contains('\u{1b}'), "{text}");
            assert!(text.contains("your key … is"), "{text}");
        }
    }
}

#[test]
fn a_format_that_the_server_does_not_know_is_dropped_for_good() {
    let stub = Stub::new(|request, _| match request.body.get("response_format") {
        Some(_) => fails(400, "Unrecognized request argument: Response_Format"),
        None => says("hi"),
    });
    let model = ChatModel::new(client(&stub, quick()), "m");
    let schema =
        ResponseFormat::JsonSchema { name: "s".to_owned(), schema: json!({"type": "object"}) };
    let options = ChatOptions { response_format: Some(schema), ..ChatOptions::default() };
    for _ in 0..2 {
        let reply = model.reply(&[], &options, &AtomicBool::new(false));
        assert_eq!(reply.unwrap().text, "hi");
    }
    let formats: Vec<_> =
        stub.requests().iter().map(|r| r.body.get("response_format").cloned()).collect();
    let sent = json!({"type": "json_schema",
        "json_schema": {"name": "s", "strict": true, "schema": {"type": "object"}}});
    assert_eq!(formats, [Some(sent), None, None]);

    // Other complaints are passed on.
    let stub = Stub::acting(vec![fails(400, "context too long")]);
    let model = ChatModel::new(client(&stub, quick()), "m");
    let reply = model.reply(&[], &options, &AtomicBool::new(false));
    assert!(matches!(reply, Err(RemoteError::Rejected { .. })));
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn requests_keep_to_the_rate() {
    let stub = Stub::acting(vec![says("hi")]);
    let settings = ClientSettings { per_minute: Some(1200), ..quick() };
    let model = ChatModel::new(client(&stub, settings), "m");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                model.reply(&[], &ChatOptions::default(), &AtomicBool::new(false)).unwrap();
            });
        }
    });
    // Four intervals of 50 ms between five requests.
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(stub.requests().len(), 5);
}
