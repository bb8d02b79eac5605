//! The routes of the server, and the errors that it answers with.

use super::answer::{Answer, Stream, follow};
use super::request::{Detokenize, Plan, Tokenize};
use super::service::Service;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    self, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::middleware::{self, Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

type Shared = State<Arc<Service>>;

/// All addresses.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{name}", get(model))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/tokenizer_info", get(tokenizer_info))
        .route_layer(from_fn_with_state(Arc::clone(&service), check_key))
        .route("/health", get(async || Json(json!({"status": "ok"}))))
        .fallback(async || ApiError::not_found("there is nothing at this address"))
        .method_not_allowed_fallback(async || ApiError::method())
        .layer(DefaultBodyLimit::max(service.settings.max_body))
        .layer(middleware::map_response(no_store))
        .with_state(service)
}

struct Json(Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0.to_string()).into_response()
    }
}

async fn no_store(mut response: Response) -> Response {
    let value = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().entry(CACHE_CONTROL).or_insert(value);
    response
}

async fn check_key(State(service): Shared, request: Request, next: Next) -> Response {
    if let Some(key) = &service.settings.key {
        let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        if !key.opens(header) {
            return ApiError::no_key().into_response();
        }
    }
    next.run(request).await
}

/// A request that there was room for.
struct Admitted {
    body: Bytes,
    permit: OwnedSemaphorePermit,
}

impl FromRequest<Arc<Service>> for Admitted {
    type Rejection = ApiError;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, ApiError> {
        let settings = &service.settings;
        let busy = |_| ApiError::busy(settings.queue);
        let permit = Arc::clone(&service.queue).try_acquire_owned().map_err(busy)?;
        let body = tokio::time::timeout(settings.patience, Bytes::from_request(request, service));
        match body.await {
            Ok(Ok(body)) => Ok(Self { body, permit }),
            Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::too_large(settings.max_body))
            }
            Ok(Err(error)) => Err(ApiError::invalid(error.body_text())),
            Err(_) => Err(ApiError::too_slow()),
        }
    }
}

/// Reads a body away from the threads that serve connections: tokenising takes its time.
async fn read<T: Send + 'static>(
    service: &Arc<Service>,
    body: Bytes,
    read: impl FnOnce(&Service, &[u8]) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let service = Arc::clone(service);
    let reading = tokio::task::spawn_blocking(move || read(&service, &body));
    reading.await.unwrap_or_else(|error| Err(ApiError::failed(error.to_string())))
}

async fn completions(State(service): Shared, admitted: Admitted) -> Result<Response, ApiError> {
    let plan = read(&service, admitted.body, Plan::completion).await?;
    answer(service, plan, admitted.permit).await
}

async fn chat(State(service): Shared, admitted: Admitted) -> Result<Response, ApiError> {
    let plan = read(&service, admitted.body, Plan::chat).await?;
    answer(service, plan, admitted.permit).await
}

async fn answer(
    service: Arc<Service>,
    plan: Plan,
    permit: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    if plan.stream {
        let body = Body::from_stream(Stream::begin(service, plan, permit));
        return Ok(([(CONTENT_TYPE, "text/event-stream")], body).into_response());
    }
    let mut answer = Answer::new(&service, &plan);
    follow(&service, &plan, |choice, piece| answer.add(choice, piece)).await?;
    Ok(Json(answer.whole()).into_response())
}

async fn tokenize(State(service): Shared, admitted: Admitted) -> Result<Json, ApiError> {
    let Tokenize { tokens, with_texts } = read(&service, admitted.body, Tokenize::read).await?;
    let texts = with_texts
        .then(|| tokens.iter().map(|&token| service.word(token).name).collect::<Vec<_>>());
    Ok(Json(json!({
        "count": tokens.len(), "max_model_len": service.members.context(), "tokens": tokens,
        "token_strs": texts,
    })))
}

async fn detokenize(State(service): Shared, admitted: Admitted) -> Result<Json, ApiError> {
    let Detokenize(text) = read(&service, admitted.body, Detokenize::read).await?;
    Ok(Json(json!({"prompt": text})))
}

async fn tokenizer_info(State(service): Shared) -> Json {
    let tokens = service.tokenizer().special_tokens();
    let template = service.members.template().ok();
    Json(json!({
        "tokenizer_class": "axia",
        "eos_token": tokens.eos, "bos_token": tokens.bos, "pad_token": tokens.pad,
        "chat_template": template.map(|template| template.source()),
        "model_max_length": service.members.context(),
    }))
}

fn describe(service: &Service, index: usize, name: &str) -> Value {
    let parent = (index > 0).then(|| service.members.base());
    json!({
        "id": name, "object": "model", "created": service.started, "owned_by": "axia",
        "root": name, "parent": parent, "max_model_len": service.members.context(),
    })
}

async fn models(State(service): Shared) -> Json {
    let names = service.members.names().iter().enumerate();
    let models: Vec<Value> = names.map(|(index, name)| describe(&service, index, name)).collect();
    Json(json!({"object": "list", "data": models}))
}

async fn model(State(service): Shared, Path(name): Path<String>) -> Result<Json, ApiError> {
    let index = service.members.find(Some(&name))?;
    Ok(Json(describe(&service, index, &name)))
}

/// Why there is no server, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Others could reach the server, and it asks for no key.
    #[error("{0} can be reached from other machines, so that a key is needed")]
    Open(SocketAddr),
    /// A name that cannot stand for an adapter.
    #[error("`{name}` cannot be the name of an adapter: {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system refused threads or sockets.
    #[error("the server broke down: {0}")]
    Io(#[from] io::Error),
    /// The computing thread ended early.
    #[error("the computing thread ended early; this is a bug")]
    Worker,
}

/// An error on its way to a client, in OpenAI's shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError {
    pub status: StatusCode,
    pub message: String,
    kind: &'static str,
    /// The field at fault.
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), kind, param: None, code: None }
    }

    /// The request as a whole makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// A field of the request makes no sense.
    pub fn field(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::invalid(message) }
    }

    pub fn context(message: impl Into<String>) -> Self {
        Self { code: Some("context_length_exceeded"), ..Self::invalid(message) }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    pub fn unknown_model(message: impl Into<String>) -> Self {
        Self { param: Some("model"), code: Some("model_not_found"), ..Self::not_found(message) }
    }

    pub fn method() -> Self {
        let message = "this address takes another method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
    }

    pub fn too_large(most: usize) -> Self {
        let message = format!("the body is longer than {most} bytes (see --max-body)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    pub fn too_slow() -> Self {
        let message = "the body did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
    }

    pub fn no_key() -> Self {
        let message = "wrong or missing API key; send it as `Authorization: Bearer …`";
        let error = Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message);
        Self { code: Some("invalid_api_key"), ..error }
    }

    pub fn busy(queue: usize) -> Self {
        let message = format!("{queue} requests are under way already; try again shortly");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
    }

    pub fn stopping() -> Self {
        let message = "the server is stopping";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message)
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    pub fn to_json(&self) -> Value {
        let Self { message, kind, param, code, .. } = self;
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, json, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
