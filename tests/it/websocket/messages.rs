//! Messages that the server accepts from a client, and the close codes for all others.

use super::{ALL, TEXT_ONLY, echoing};
use crate::support::Server;
use crate::support::websocket::{BINARY, CLOSE, FIRST, LAST, PING, PONG, Socket, TEXT, closing, frame};

/// The code and the reason by which the server closes after these bytes.
async fn fault(server: &Server, path: &str, bytes: &[u8]) -> (Option<u16>, String) {
    let mut socket = Socket::open(&server.client(), path).await;
    socket.send(bytes).await;
    socket.closed().await
}

#[tokio::test]
async fn fragments_make_one_message_and_a_ping_between_them_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    let (begin, end) = "zwölf".as_bytes().split_at(3);
    socket.say(FIRST, begin).await;
    socket.say(PING, b"there?").await;
    assert_eq!(socket.hear().await, Some((PONG, b"there?".to_vec())));
    socket.say(LAST, end).await;
    assert_eq!(socket.text().await, "zwölf");
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn a_message_of_64_kib_is_accepted_and_a_larger_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    let most = "x".repeat(64 * 1024);
    socket.say(TEXT, most.as_bytes()).await;
    assert_eq!(socket.text().await, most);
    let too_large = Some(1009);
    assert_eq!(fault(&server, TEXT_ONLY, &frame(TEXT, &[b'x'; 64 * 1024 + 1])).await.0, too_large);
    let in_two = [frame(FIRST, most.as_bytes()), frame(LAST, b"x")].concat();
    assert_eq!(fault(&server, TEXT_ONLY, &in_two).await.0, too_large);
    // Refused by its head alone: the server does not wait for the payload.
    let announced = [TEXT, 0xFF, 0, 0, 0xFF, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(fault(&server, TEXT_ONLY, &announced).await.0, too_large);
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_on_sending_still_gets_the_close_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    // The head of a message of 16 MB is refused, and the client goes on sending.
    socket.send(&[TEXT, 0xFF, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]).await;
    socket.send(&vec![b'x'; 32 << 10]).await;
    assert_eq!(socket.closed().await.0, Some(1009));
    server.stop().await;
}

#[tokio::test]
async fn binary_messages_are_refused_where_only_text_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let told = fault(&server, TEXT_ONLY, &frame(BINARY, &[1, 2, 3])).await;
    assert_eq!(told, (Some(1003), "only text is taken here".to_owned()));
    let mut socket = Socket::open(&server.client(), ALL).await;
    socket.say(BINARY, &[1, 2, 3]).await;
    assert_eq!(socket.hear().await, Some((BINARY, vec![1, 2, 3])));
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn invalid_utf8_is_refused_at_its_first_wrong_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let invalid = (Some(1007), "text is UTF-8".to_owned());
    assert_eq!(fault(&server, TEXT_ONLY, &frame(TEXT, b"a\xFFb")).await, invalid);
    assert_eq!(fault(&server, TEXT_ONLY, &frame(TEXT, "ä".as_bytes().split_at(1).0)).await, invalid);
    let unfinished = &frame(TEXT, b"a\xFF and more to come")[..8];
    assert_eq!(fault(&server, TEXT_ONLY, unfinished).await, invalid);
    assert_eq!(fault(&server, TEXT_ONLY, &frame(CLOSE, b"\x03\xE8\xFF")).await, invalid);
    server.stop().await;
}

#[tokio::test]
async fn protocol_errors_are_closed_with_1002() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let wrong: [(&str, Vec<u8>); 11] = [
        ("a frame without a mask", b"\x81\x01x".to_vec()),
        ("a reserved bit", frame(0xC1, b"x")),
        ("a reserved opcode", frame(0x83, b"x")),
        ("another reserved opcode", frame(0x8B, b"x")),
        ("a ping in two", frame(0x09, b"x")),
        ("a ping of 126 bytes", frame(PING, &[0; 126])),
        ("nothing to continue", frame(LAST, b"x")),
        ("a text inside a text", [frame(FIRST, b"x"), frame(TEXT, b"x")].concat()),
        ("half a close code", frame(CLOSE, b"\x03")),
        ("a close code that is never sent", frame(CLOSE, &closing(1005, ""))),
        ("a length that is too long for itself", vec![TEXT, 0xFE, 0, 1, 0, 0, 0, 0, b'x']),
    ];
    for (what, bytes) in wrong {
        assert_eq!(fault(&server, TEXT_ONLY, &bytes).await.0, Some(1002), "{what}");
    }
    server.stop().await;
}
