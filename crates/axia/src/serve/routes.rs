//! What is found at which address.

use super::answer::{Answer, Stream, follow};
use super::error::ApiError;
use super::request::{Detokenize, Plan, Tokenize};
use super::service::Service;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde_json::{Value, json};
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
