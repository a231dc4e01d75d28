//! A small Valkey client. Tests read with it what the client of the server has written, so that one client's
//! mistake does not hide in both.

use std::io::{self, BufRead, BufReader, Read, Write};

/// A reply of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resp {
    /// A status or a string.
    Text(String),
    Integer(i64),
    Nil,
    List(Vec<Resp>),
    Error(String),
}

impl Resp {
    /// True if this is a text equal to `text`.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }

    /// The text of this reply. Fails if it is not a text.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    /// The number of this reply. Fails if it is not a number.
    #[track_caller]
    pub(crate) fn integer(self) -> i64 {
        match self {
            Self::Integer(number) => number,
            other => panic!("no number: {other:?}"),
        }
    }

    /// The items of this reply. Fails if it is not a list.
    #[track_caller]
    pub(crate) fn list(self) -> Vec<Self> {
        match self {
            Self::List(parts) => parts,
            other => panic!("no list: {other:?}"),
        }
    }

    /// The items of this reply as texts. Fails if it is not a list of texts.
    #[track_caller]
    pub(crate) fn texts(self) -> Vec<String> {
        self.list().into_iter().map(Self::text).collect()
    }
}

/// A byte stream under a connection: TCP, or TLS over TCP.
trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// A connection. It sends one command at a time.
pub(crate) struct Connection(BufReader<Box<dyn Stream>>);

impl Connection {
    /// A connection over an open stream. It authenticates first if there is a password.
    pub(crate) fn over(stream: impl Read + Write + Send + 'static, password: Option<&str>) -> io::Result<Self> {
        let mut connection = Self(BufReader::new(Box::new(stream)));
        if let Some(password) = password
            && let Resp::Error(error) = connection.command(&["AUTH", password])?
        {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, error));
        }
        Ok(connection)
    }

    /// Sends a command and reads its reply.
    pub(crate) fn command(&mut self, words: &[&str]) -> io::Result<Resp> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let stream = self.0.get_mut();
        stream.write_all(request.as_bytes())?;
        stream.flush()?;
        self.reply()
    }

    /// Reads the next reply, or the next message of a channel.
    pub(crate) fn reply(&mut self) -> io::Result<Resp> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::InvalidData)?;
        let number = || rest.parse::<i64>().map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
        match kind {
            "+" => Ok(Resp::Text(rest.to_owned())),
            "-" => Ok(Resp::Error(rest.to_owned())),
            ":" => Ok(Resp::Integer(number()?)),
            "$" | "*" if number()? < 0 => Ok(Resp::Nil),
            "$" => self.bulk(usize::try_from(number()?).expect("not negative")),
            "*" => (0..number()?).map(|_| self.reply()).collect::<io::Result<_>>().map(Resp::List),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn bulk(&mut self, length: usize) -> io::Result<Resp> {
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        Ok(Resp::Text(String::from_utf8_lossy(&bytes[..length]).into_owned()))
    }
}
