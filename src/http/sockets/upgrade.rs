//! How a connection leaves HTTP. actix hands over each request that asks for an upgrade, together with its
//! connection. The application answers it like any other request. If the answer is 101, the handler owns the
//! connection from then on, and actix keeps nothing of it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::rc::Rc;

use actix_codec::{Encoder, Framed};
use actix_http::body::{BoxBody, MessageBody, to_bytes};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, HttpMessage, Request, Response, StatusCode};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_web::dev::ServiceResponse;
use actix_web::web::BytesMut;
use tokio::io::AsyncWriteExt;

use super::super::admission::CountedConnection;
use crate::websocket::{CLOSING_BYTES, in_time};

/// What takes over a connection, and the bytes that came behind the request.
type Next = Box<dyn FnOnce(CountedConnection, &BytesMut)>;

/// An extension of requests whose connection can be taken over. The handler fills it with what takes over.
#[derive(Clone, Default)]
pub(super) struct UpgradeSlot(Rc<RefCell<Option<Next>>>);

impl UpgradeSlot {
    pub(super) fn fill(&self, next: impl FnOnce(CountedConnection, &BytesMut) + 'static) {
        *self.0.borrow_mut() = Some(Box::new(next));
    }
}

/// The service that actix calls with every request that asks for an upgrade.
pub(in crate::http) fn takeover<A, B>(
    app: A,
) -> impl ServiceFactory<
    (Request, Framed<CountedConnection, Codec>),
    Config = (),
    Response = (),
    Error = Infallible,
    InitError = (),
>
where
    A: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = actix_web::Error, InitError = ()>
        + 'static,
    A::Service: 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let app = app.new_service(());
        async move {
            let app = Rc::new(app.await?);
            Ok(fn_service(move |(request, framed)| {
                let app = app.clone();
                async move {
                    // An error here means that the client left before it got its answer: not worth a log line.
                    let _ = answer(&*app, request, framed).await;
                    Ok(())
                }
            }))
        }
    })
}

async fn answer<B: MessageBody + 'static>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: Request,
    framed: Framed<CountedConnection, Codec>,
) -> std::io::Result<()> {
    let slot = UpgradeSlot::default();
    request.extensions_mut().insert(slot.clone());
    let response = match app.call(request).await {
        Ok(response) => response.map_into_boxed_body().into(),
        Err(error) => Response::from(error),
    };
    let next = slot.0.take().filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS);
    let mut parts = framed.into_parts();
    encode(&mut parts.codec, response, next.is_some(), &mut parts.write_buf).await?;
    // The reply must be written before `next` sends its first frame.
    in_time(parts.io.write_all(&parts.write_buf)).await.unwrap_or_else(|| Err(ErrorKind::TimedOut.into()))?;
    match next {
        Some(next) => {
            next(parts.io, &parts.read_buf);
        }
        None => {
            let _ = in_time(parts.io.into_wire()?.finish(CLOSING_BYTES)).await;
        }
    }
    Ok(())
}

/// Encodes a whole response. Unless it switches protocols, it tells the client that the connection closes.
async fn encode(
    codec: &mut Codec,
    response: Response<BoxBody>,
    is_switching: bool,
    bytes: &mut BytesMut,
) -> std::io::Result<()> {
    let (mut head, body) = response.into_parts();
    if !is_switching {
        head.head_mut().set_connection_type(ConnectionType::Close);
    }
    codec.encode(Message::Item((head, body.size())), bytes)?;
    let body = to_bytes(body).await.map_err(|error| std::io::Error::other(error.to_string()))?;
    codec.encode(Message::Chunk(Some(body)), bytes)?;
    codec.encode(Message::Chunk(None), bytes)
}
