//! The known word nearest to one that is not known.

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
}
