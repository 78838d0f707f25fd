//! The check of a line: the CRC-32 of its text as its last field, so that a bit that a disk flips inside a finished row is noticed.
//!
//! One flipped bit is either in the text or in the check, which then disagree, or in the name of the check or the brackets around it, where it touches no number: such a line is taken
//! for one without a check, as earlier versions wrote them.

/// What stands before the eight digits, and after them.
const OPEN: &str = ",\"check\":\"";
const CLOSE: &str = "\"}";
const DIGITS: usize = 8;

/// What a line whose check does not match is told to be.
pub(super) const BROKEN: &str = "the line is damaged: its check does not match its text";

/// Gives the JSON object that begins at `begin` and ends with the text its check.
pub(super) fn seal(text: &mut String, begin: usize) {
    debug_assert!(text[begin..].starts_with("{\"") && text.ends_with('}'), "a row is an object that is not empty");
    let check = crc32fast::hash(&text.as_bytes()[begin..]);
    text.pop();
    text.push_str(&format!("{OPEN}{check:08x}{CLOSE}"));
}

/// Whether a line (without its end) is as it was written; one without a check is taken as it is.
pub(super) fn holds(line: &[u8]) -> bool {
    let Some(at) = line.len().checked_sub(OPEN.len() + DIGITS + CLOSE.len()) else { return true };
    let (text, tail) = line.split_at(at);
    let Some(digits) = tail.strip_prefix(OPEN.as_bytes()).and_then(|rest| rest.strip_suffix(CLOSE.as_bytes())) else {
        return true;
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(text);
    hasher.update(b"}");
    digits == format!("{:08x}", hasher.finalize()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "{\"case\":\"ab\",\"value\":0.12602894343939371,\"reason\":\"σ ≤ μ\"}";

    fn sealed() -> String {
        let mut text = ROW.to_owned();
        seal(&mut text, 0);
        text
    }

    #[test]
    fn a_sealed_row_is_json_with_one_more_field() {
        let value: serde_json::Value = serde_json::from_str(&sealed()).unwrap();
        assert_eq!(value["check"].as_str().unwrap().len(), DIGITS);
        assert_eq!(value["value"].as_f64(), Some(0.126_028_943_439_393_71));
        assert!(holds(sealed().as_bytes()) && holds(ROW.as_bytes()) && holds(b"") && holds(b"{}"));
    }

    #[test]
    fn every_flipped_bit_is_noticed_or_harmless() {
        let whole = sealed().into_bytes();
        let untouched = |line: &[u8]| line[..ROW.len() - 1] == whole[..ROW.len() - 1];
        let mut noticed = 0;
        for bit in 0..8 * whole.len() {
            let mut line = whole.clone();
            line[bit / 8] ^= 1 << (bit % 8);
            noticed += usize::from(!holds(&line));
            assert!(!holds(&line) || untouched(&line), "bit {bit}");
        }
        // All of the text and of the digits, but for the case of a digit's letter, which is noticed too.
        assert_eq!(noticed, 8 * (ROW.len() - 1 + DIGITS));
    }
}
