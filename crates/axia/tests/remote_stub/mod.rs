//! A scripted OpenAI-compatible server on the loopback interface, which misbehaves as told.
#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with a status, further header lines and a body.
    Answer(u16, String, Vec<u8>),
    /// Waits, then answers with these words of the model.
    Late(Duration, String),
    /// Closes the connection without a word.
    HangUp,
    /// Announces so many bytes, sends the body only, and closes the connection.
    Cut(usize, Vec<u8>),
    /// Never answers.
    Silence,
}

/// The act by which the model says `text`.
pub fn says(text: &str) -> Act {
    json_body(json!({"choices": [
        {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    ]}))
}

pub fn json_body(value: Value) -> Act {
    Act::Answer(200, String::new(), value.to_string().into_bytes())
}

pub fn body(text: &str) -> Act {
    Act::Answer(200, String::new(), text.as_bytes().to_vec())
}

/// A status with an error of the usual shape.
pub fn fails(status: u16, message: &str) -> Act {
    fails_with(status, "", message)
}

/// As [`fails`], with a further header line.
pub fn fails_with(status: u16, header: &str, message: &str) -> Act {
    let body = json!({"error": {"message": message}}).to_string();
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    Act::Answer(status, header, body.into_bytes())
}

#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Value,
}

impl Request {
    /// The content of the one message.
    pub fn question(&self) -> &str {
        self.body["messages"][0]["content"].as_str().unwrap()
    }
}

type Script = dyn Fn(&Request, usize) -> Act + Send + Sync;

/// A server with one answer per connection; ends when dropped.
pub struct Stub {
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    /// A server that does `acts` in turn, the last for ever.
    pub fn acting(acts: Vec<Act>) -> Self {
        Self::new(move |_, n| acts[n.min(acts.len() - 1)].clone())
    }

    /// A server that decides by the request and the number of requests before it.
    pub fn new(script: impl Fn(&Request, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stub = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let script: Arc<Script> = Arc::new(script);
        let (requests, stop) = (stub.requests.clone(), stub.stop.clone());
        stub.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (script, requests, stop) = (script.clone(), requests.clone(), stop.clone());
                std::thread::spawn(move || {
                    // A client that hangs up early is no failure of the stub.
                    let _ = serve(stream.unwrap(), &*script, &requests, &stop);
                });
            }
        }));
        stub
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes `incoming`.
        let _ = TcpStream::connect(self.address.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    script: &Script,
    requests: &Mutex<Vec<Request>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let request = Request { at: Instant::now(), path, headers, body };
    let act = {
        let mut requests = requests.lock().unwrap();
        let act = script(&request, requests.len());
        requests.push(request);
        act
    };
    let mut answer = |status: u16, headers: &str, length: usize, body: &[u8]| {
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        )?;
        stream.write_all(body)
    };
    match act {
        Act::Answer(status, headers, body) => answer(status, &headers, body.len(), &body),
        Act::Late(delay, text) => {
            std::thread::sleep(delay);
            let Act::Answer(status, headers, body) = says(&text) else { unreachable!() };
            answer(status, &headers, body.len(), &body)
        }
        Act::HangUp => Ok(()),
        Act::Cut(length, body) => answer(200, "", length, &body),
        Act::Silence => {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        }
    }
}
