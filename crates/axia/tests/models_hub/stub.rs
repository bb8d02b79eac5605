//! The stand-in for the hub: one repository, org/name, at one commit.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const LISTING: &str = "/api/models/org/name/revision/main?blobs=true";

/// How the stand-in answers one path.
#[derive(Clone)]
pub enum Route {
    /// The bytes, or the range asked for.
    Body(Vec<u8>),
    /// The bytes, whatever range is asked for.
    NoRanges(Vec<u8>),
    /// As `Body`, but the first answer breaks off after so many bytes.
    BreaksOnce(Vec<u8>, usize),
    /// A status with `X-Error-Code`.
    Status(u16, &'static str),
    /// That status once, then the bytes.
    StatusOnce(u16, Vec<u8>),
    /// A redirection.
    Moved(String),
    /// Never answers.
    Silence,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: HashMap<String, String>,
}

/// A server with one answer per connection; ends when dropped.
pub struct Stub {
    pub address: String,
    routes: Arc<Mutex<HashMap<String, Route>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stub = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            routes: Arc::default(),
            requests: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let (routes, requests, stop) =
            (stub.routes.clone(), stub.requests.clone(), stub.stop.clone());
        stub.thread = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (routes, requests, stop) = (routes.clone(), requests.clone(), stop.clone());
                std::thread::spawn(move || {
                    // A client that hangs up early is no failure of the stub.
                    let _ = serve(stream.unwrap(), &routes, &requests, &stop);
                });
            }
        }));
        stub
    }

    pub fn route(&self, path: &str, route: Route) {
        self.routes.lock().unwrap().insert(path.to_owned(), route);
    }

    /// Serves `files` as the repository org/name, with a listing.
    pub fn repository(&self, files: &[(&str, &[u8])]) {
        let siblings: Vec<_> = files.iter().map(|(name, bytes)| describe(name, bytes)).collect();
        self.route(LISTING, Route::Body(listing(siblings)));
        for (name, bytes) in files {
            self.route(&file_path(name), Route::Body(bytes.to_vec()));
        }
    }

    /// Lists the repository under another revision as well.
    pub fn same_listing(&self, revision: &str) {
        let listed = self.routes.lock().unwrap()[LISTING].clone();
        self.route(&format!("/api/models/org/name/revision/{revision}?blobs=true"), listed);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
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
    routes: &Mutex<HashMap<String, Route>>,
    requests: &Mutex<Vec<Request>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let start = headers
        .get("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let route = {
        let mut routes = routes.lock().unwrap();
        let route = routes.get(&path).cloned().unwrap_or(Route::Status(404, "RepoNotFound"));
        match &route {
            Route::BreaksOnce(bytes, _) | Route::StatusOnce(_, bytes) => {
                routes.insert(path.clone(), Route::Body(bytes.clone()));
            }
            _ => {}
        }
        route
    };
    requests.lock().unwrap().push(Request { path, headers });
    let mut head = |status: u16, more: &str, length: usize| {
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n"
        )
    };
    match route {
        Route::Body(bytes) => {
            let total = bytes.len();
            match start {
                Some(start) if start >= total => head(416, "", 0),
                Some(start) => {
                    let range = format!("Content-Range: bytes {start}-{}/{total}\r\n", total - 1);
                    head(206, &range, total - start)?;
                    stream.write_all(&bytes[start..])
                }
                None => head(200, "", total).and_then(|()| stream.write_all(&bytes)),
            }
        }
        Route::NoRanges(bytes) => {
            head(200, "", bytes.len())?;
            stream.write_all(&bytes)
        }
        Route::BreaksOnce(bytes, length) => {
            head(200, "", bytes.len())?;
            stream.write_all(&bytes[..length])
        }
        Route::Status(status, code) => head(status, &format!("X-Error-Code: {code}\r\n"), 0),
        Route::StatusOnce(status, _) => head(status, "", 0),
        Route::Moved(to) => head(302, &format!("Location: {to}\r\n"), 0),
        Route::Silence => {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        }
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What git calls a blob, hashed.
pub fn git_hash(bytes: &[u8]) -> String {
    let head = format!("blob {}\0", bytes.len());
    let hash = Sha1::new().chain_update(head).chain_update(bytes).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file's entry in a listing; safetensors are large files, as on the hub.
fn describe(name: &str, bytes: &[u8]) -> Value {
    let size = bytes.len();
    let blob = git_hash(bytes);
    match name.ends_with(".safetensors") {
        true => json!({"rfilename": name, "size": size, "blobId": blob,
                       "lfs": {"sha256": sha256(bytes), "size": size, "pointerSize": 134}}),
        false => json!({"rfilename": name, "size": size, "blobId": blob}),
    }
}

pub fn listing(siblings: Vec<Value>) -> Vec<u8> {
    json!({"sha": COMMIT, "siblings": siblings}).to_string().into_bytes()
}

pub fn file_path(name: &str) -> String {
    format!("/org/name/resolve/{COMMIT}/{name}")
}
