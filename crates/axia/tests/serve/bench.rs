//! A running server with a tiny model and two adapters, and a client.

use crate::adapter;
use crate::model::Recipe;
use axia::serve::{Members, ServeError, ServeSettings, Server};
use axia_engine::Model;
use axia_engine::kernels::DeviceKernels;
use axia_engine::lora::Adapter;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that ends when dropped.
pub struct Bench {
    folder: TempDir,
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Header lines, in lower case.
    pub headers: Vec<String>,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The data of server-sent events, and that they end as they should.
    #[track_caller]
    pub fn events(&self) -> Vec<Json> {
        let events: Vec<&str> = self.body.split("\n\n").filter(|event| !event.is_empty()).collect();
        let mut data = events.iter().map(|event| event.strip_prefix("data: ").unwrap());
        assert_eq!(data.next_back(), Some("[DONE]"), "{self:?}");
        data.map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(ServeSettings::default())
    }

    pub fn with(settings: ServeSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Recipe::default().write(&folder.path().join("tiny"));
        for (name, seed) in [("a", 1), ("b", 2)] {
            adapter::write(&folder.path().join(name), seed);
        }
        let mut members = Members::new(Model::open(&folder.path().join("tiny")).unwrap(), "tiny");
        for name in ["a", "b"] {
            let adapter = members.model().read_adapter(&folder.path().join(name)).unwrap();
            members.add(name, adapter).unwrap();
        }
        let server = Server::bind(members, settings, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let run = move || server.run(|| flag.load(Ordering::SeqCst));
        let thread = Some(std::thread::spawn(run));
        Self { folder, address, stop, thread }
    }

    /// Where the model lies as `tiny`, and its adapters `a` and `b`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The model, to compute what is to be expected.
    pub fn model(&self) -> Model {
        Model::open(&self.folder.path().join("tiny")).unwrap()
    }

    pub fn adapter(&self, model: &Model, name: &str) -> Adapter<DeviceKernels> {
        model.read_adapter(&self.folder.path().join(name)).unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request and leaves the answer to be read.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server may answer, and hang up, before it has read all.
        let _ = stream.write_all(body);
        stream
    }

    pub fn raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        read_answer(self.send(method, path, headers, body)).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, "", b"")
    }

    pub fn post(&self, path: &str, body: &Json) -> Answer {
        self.raw("POST", path, "Content-Type: application/json\r\n", body.to_string().as_bytes())
    }

    /// Posts what is answered well.
    #[track_caller]
    pub fn ok(&self, path: &str, body: Json) -> Json {
        let answer = self.post(path, &body);
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
        answer.json()
    }

    #[track_caller]
    pub fn complete(&self, body: Json) -> Json {
        self.ok("/v1/completions", body)
    }

    /// Posts what is refused with this status, in words that have all of `parts`.
    #[track_caller]
    pub fn refuses(&self, path: &str, body: &Json, status: u16, parts: &[&str]) {
        let answer = self.post(path, body);
        assert_refused(&answer, status, parts);
    }

    /// A request that would take minutes.
    pub fn endless(stream: bool) -> Json {
        json!({"prompt": "abc", "max_tokens": 4000, "n": 100, "stream": stream, "seed": 1})
    }

    /// Begins [`Self::endless`].
    pub fn send_endless(&self, stream: bool) -> TcpStream {
        let body = Self::endless(stream).to_string();
        self.send("POST", "/v1/completions", "", body.as_bytes())
    }

    /// Asks the server to stop and waits for it.
    pub fn stop(&mut self) -> (Result<(), ServeError>, Duration) {
        let start = Instant::now();
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().unwrap().join().unwrap();
        (ended, start.elapsed())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let (ended, _) = self.stop();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, parts: &[&str]) {
    assert_eq!(answer.status, status, "{answer:?}");
    let error = &answer.json()["error"];
    let message = error["message"].as_str().unwrap();
    assert!(error["type"].is_string(), "{answer:?}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in {message}");
    }
}

pub fn read_answer(stream: TcpStream) -> std::io::Result<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            header => headers.push(header.to_ascii_lowercase()),
        }
    }
    let mut body = Vec::new();
    if headers.iter().any(|header| header == "transfer-encoding: chunked") {
        read_chunks(&mut reader, &mut body)?;
    } else {
        reader.read_to_end(&mut body)?;
    }
    Ok(Answer { status, headers, body: String::from_utf8(body).unwrap() })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk)?;
        body.extend(&chunk[..length]);
        if length == 0 {
            return Ok(());
        }
    }
}
