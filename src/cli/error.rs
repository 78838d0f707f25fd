//! How a command ends, and how a fault is shown.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::scenario::{InputError, Place};

/// How a command ended; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: done, and every expectation holds.
    Done,
    /// 1: the input or the command line is wrong.
    Refused,
    /// 2: an expectation fails.
    Failed,
    /// 3: more is undecided than `expect.undecided_max` allows.
    Undecided,
    /// 4: the machine failed us: disk, device.
    Broken,
    /// 128 + the signal that asked it to stop: 130 for SIGINT (Ctrl-C), 143 for SIGTERM.
    Interrupted(u8),
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Failed => 2,
            Self::Undecided => 3,
            Self::Broken => 4,
            Self::Interrupted(signal) => 128 + signal,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A scenario or a KEY=VALUE argument is wrong. Exit code 1.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Something else that was asked for is wrong: a folder in use, a file that is no point. Exit code 1.
    #[error("{message}")]
    Refused {
        /// What is wrong; names the file.
        message: String,
        /// What to type instead.
        help: Option<String>,
    },
    /// The disk or the device failed. Exit code 4.
    #[error("{0}")]
    Broken(String),
    /// A signal stopped the run. Exit code 128 + signal.
    #[error("{message}")]
    Interrupted {
        /// What is kept.
        message: String,
        /// What to type to go on.
        help: String,
        /// The signal.
        signal: u8,
    },
    /// `--fail-fast` stopped the run. Exit code 3.
    #[error("{0}")]
    Stopped(String),
    /// Nobody reads standard output any more (`ufm list … | head -1`). Silent, exit code 0.
    #[error("standard output is closed")]
    Closed,
}

impl CliError {
    /// Something that was asked for is wrong.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), help: None }
    }

    /// The same with a hint at what to type.
    pub fn refused_with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), help: Some(help.into()) }
    }

    /// A failure of reading or writing `path`: a file that is missing or must not be read is the input's fault, everything else the machine's.
    pub fn disk(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        let message = format!("{}: cannot {doing}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::PermissionDenied
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::IsADirectory => Self::refused(message),
            _ => Self::Broken(message),
        }
    }

    /// A failure of the machine while `doing` something to `path`.
    pub fn broken(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        Self::Broken(format!("{}: cannot {doing}: {error}", path.display()))
    }

    /// Where wrong input stands.
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Input(error) => Some(&error.place),
            _ => None,
        }
    }

    /// How the command ended.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Input(_) | Self::Refused { .. } => Outcome::Refused,
            Self::Broken(_) => Outcome::Broken,
            Self::Stopped(_) => Outcome::Undecided,
            Self::Interrupted { signal, .. } => Outcome::Interrupted(*signal),
            Self::Closed => Outcome::Done,
        }
    }

    /// Writes the error to standard error: one line with file, line, key and what is allowed, then the labelled lines of the file.
    pub(super) fn report(&self) {
        if matches!(self, Self::Closed) {
            return;
        }
        let mut rendered = String::new();
        // Colours and frames only where somebody looks; lines are not wrapped, so that they can be searched and copied.
        let theme = if std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none() {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false).with_context_lines(1);
        if handler.render_report(&mut rendered, &Snippet::new(self)).is_err() {
            rendered = format!("{self}\n");
        }
        // If standard error is gone too there is nobody left to tell.
        let _ = write!(std::io::stderr(), "ufm: {}", rendered.trim_start());
    }
}

/// A [`CliError`] as the library for labelled snippets wants it.
struct Snippet<'a> {
    error: &'a CliError,
    source: Option<NamedSource<String>>,
}

impl<'a> Snippet<'a> {
    fn new(error: &'a CliError) -> Self {
        let source = error.place().and_then(|place| match place {
            Place::Text { path, text, .. } => Some(NamedSource::new(path.display().to_string(), text.to_string())),
            _ => None,
        });
        Self { error, source }
    }
}

impl fmt::Debug for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error {
            // The help has a line of its own below.
            CliError::Input(error) => write!(f, "{}", InputError { help: None, ..error.clone() }),
            error => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Snippet<'_> {}

impl Diagnostic for Snippet<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = match self.error {
            CliError::Input(error) => error.help.as_deref(),
            CliError::Refused { help, .. } => help.as_deref(),
            CliError::Interrupted { help, .. } => Some(help.as_str()),
            _ => None,
        };
        help.map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self.error.place()? {
            Place::Text { text, span, .. } => {
                // A table's span runs over several lines: its first line is where to look.
                let span = span.start.min(text.len())..span.end.min(text.len());
                let line = text[span.clone()].find('\n').map_or(span.end, |newline| span.start + newline);
                Some(Box::new(std::iter::once(LabeledSpan::underline(span.start..line.max(span.start)))))
            }
            _ => None,
        }
    }
}
