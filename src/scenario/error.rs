//! What is wrong with a scenario or a KEY=VALUE argument: where it stands, what is allowed, and the nearest valid name.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// The number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Rows i−2, i−1 and i of the table: a swap looks two rows back.
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The known name nearest to `word`, where one is near enough to be what was meant. Ties go to the first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Underscore, hyphen and case are what hands confuse first: they cost nothing.
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let (word, mut best) = (plain(word), None);
    for name in known {
        let candidate = plain(name);
        let longest = word.chars().count().max(candidate.chars().count());
        // The start of a name, long enough to mean it, is as near as one slip.
        let starts = word.chars().count() >= 3 && candidate.starts_with(&word);
        let distance = if starts { 1 } else { edit_distance(&word, &candidate) };
        if distance <= 1.max(longest / 3) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// "did you mean …?" where a known name is near.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, distance) in
            [("", "abc", 3), ("width", "width", 0), ("witdh", "width", 1), ("gama", "gamma", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn slips_find_their_name_and_strangers_do_not() {
        let names = ["cross-entropy", "label-smoothing", "focal", "mse", "bce"];
        assert_eq!(nearest("cross_entropy", names), Some("cross-entropy"));
        assert_eq!(nearest("crossentropy", names), Some("cross-entropy"));
        assert_eq!(nearest("label", names), Some("label-smoothing"));
        assert_eq!(nearest("MSE", names), Some("mse"));
        assert_eq!(nearest("quadratic", names), None);
    }

    #[test]
    fn the_line_is_counted_from_one() {
        let text: Arc<str> = "a = 1\nb = 2\n".into();
        let place = Place::Text { path: "x.toml".into(), text, span: 6..7 };
        assert_eq!(place.line(), Some(2));
        assert_eq!(place.to_string(), "x.toml:2: ");
    }
}
