//! What is wrong with a scenario or a KEY=VALUE argument: where it stands, what is allowed, and the nearest valid name.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::numeric::nearest;

/// A fault in the input. Displayed as `FILE:LINE: KEY: MESSAGE; HELP`, or with the argument in place of file and line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}{key}{message}{help}",
    key = self.key.as_deref().map(|key| format!("{key}: ")).unwrap_or_default(),
    help = self.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct InputError {
    /// Where it stands (boxed: results that carry an error should stay small).
    pub place: Box<Place>,
    /// The dotted key, e.g. `loss[1].gamma`.
    pub key: Option<String>,
    /// What is wrong and what is allowed.
    pub message: String,
    /// The nearest valid name, or what to type instead.
    pub help: Option<String>,
}

/// Where a fault stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a file as a whole: it cannot be read, or is no scenario.
    File(PathBuf),
    /// At a span of a file's text.
    Text {
        /// The file.
        path: PathBuf,
        /// Its whole text, for a labelled snippet.
        text: Arc<str>,
        /// Bytes of `text` to point at.
        span: Range<usize>,
    },
    /// In a KEY=VALUE argument, given as typed.
    Argument(String),
    /// In what was typed altogether (a needed argument is missing).
    CommandLine,
}

impl Place {
    /// Line of the span, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Place::Text { text, span, .. } => {
                Some(1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|&&byte| byte == b'\n').count())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => write!(f, "{}: ", path.display()),
            Place::Text { path, .. } => write!(f, "{}:{}: ", path.display(), self.line().unwrap_or(1)),
            Place::Argument(argument) => write!(f, "argument `{argument}`: "),
            Place::CommandLine => f.write_str("command line: "),
        }
    }
}

impl InputError {
    /// A fault of a whole file.
    pub fn file(path: &Path, message: impl Into<String>) -> Self {
        Self { place: Box::new(Place::File(path.to_owned())), key: None, message: message.into(), help: None }
    }

    /// A fault of one KEY=VALUE argument.
    pub fn argument(argument: &str, message: impl Into<String>) -> Self {
        Self { place: Box::new(Place::Argument(argument.to_owned())), key: None, message: message.into(), help: None }
    }

    /// The same with a hint at what to type.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// "did you mean …?" where a known name is near.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_counted_from_one() {
        let text: Arc<str> = "a = 1\nb = 2\n".into();
        let place = Place::Text { path: "x.toml".into(), text, span: 6..7 };
        assert_eq!(place.line(), Some(2));
        assert_eq!(place.to_string(), "x.toml:2: ");
    }
}
