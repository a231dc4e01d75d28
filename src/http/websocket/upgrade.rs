//! How a connection leaves HTTP: actix hands over the requests that ask for an upgrade together with
//! their connections. The application answers them like any other; if it switches protocols, the
//! connection is the handler's from then on, and actix keeps nothing of it.

use std::cell::RefCell;
use std::convert::Infallible;
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
use super::wire::{CLOSING_BYTES, Wire, in_time};

/// What becomes of a connection and the bytes that came behind the request.
type Next = Box<dyn FnOnce(CountedConnection, &BytesMut)>;

/// Stands in requests whose connection can be taken over, and takes what is to become of it.
#[derive(Clone, Default)]
pub(super) struct UpgradeSlot(Rc<RefCell<Option<Next>>>);

impl UpgradeSlot {
    pub(super) fn fill(&self, next: impl FnOnce(CountedConnection, &BytesMut) + 'static) {
        *self.0.borrow_mut() = Some(Box::new(next));
    }
}

/// The service that actix calls with requests that ask for an upgrade.
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
                    // A client that is gone before it has its answer is nobody's fault.
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
    in_time(parts.io.write_all(&parts.write_buf)).await.transpose()?;
    match next {
        Some(next) => {
            next(parts.io, &parts.read_buf);
        }
        None => {
            let _ = in_time(Wire::new(parts.io)?.finish(CLOSING_BYTES)).await;
        }
    }
    Ok(())
}

/// A whole response as bytes. Without a switch it is the connection's last.
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
