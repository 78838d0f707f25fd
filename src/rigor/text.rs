//! The text of certificates: hexadecimal floats, canonical JSON, the seal.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::numeric::interval::{Bound, Long};

/// Hexadecimal digits after the point of a double.
const FRACTION_DIGITS: usize = 13;
/// Hexadecimal digits after the point of a long number, at most: 1 + 4·127 bits are less than 512.
const LONG_DIGITS: usize = 127;

/// A finite float as exact hexadecimal text: `-0x1.8000000000000p+1` is −3; subnormal numbers begin with `0x0.`.
pub fn hexadecimal(x: f64) -> String {
    let bits = x.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) & 0x7ff);
    let sign = if x.is_sign_negative() { "-" } else { "" };
    if x.abs() <= 0.0 {
        return format!("{sign}0x0.0p+0");
    }
    let (lead, power) = if exponent == 0 { (0, -1022) } else { (1, exponent as i64 - 1023) };
    format!("{sign}0x{lead}.{fraction:013x}p{power:+}")
}

/// The float that a hexadecimal text denotes; `None` where it is not of the form `-?0x[01](.h{1,13})?p[+-]?d{1,4}` with an exponent from −1022 to 1023 (−1022 after a leading 0 that is not zero).
pub fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = rest.strip_prefix("0x")?.split_once('p')?;
    let (lead, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let legal =
        |text: &str, most: usize, allowed: fn(u8) -> bool| !text.is_empty() && text.len() <= most && text.bytes().all(allowed);
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !legal(fraction, FRACTION_DIGITS, hex) || !legal(digits, 4, |byte| byte.is_ascii_digit()) {
        return None;
    }
    let power: i64 = digits.parse::<i64>().ok()? * if exponent.starts_with('-') { -1 } else { 1 };
    let fraction = u64::from_str_radix(fraction, 16).ok()? << (4 * (FRACTION_DIGITS - fraction.len()));
    let magnitude = match (lead, fraction) {
        ("0", 0) => 0,
        ("0", _) if power == -1022 => fraction,
        ("1", _) if (-1022..=1023).contains(&power) => (((power + 1023) as u64) << 52) | fraction,
        _ => return None,
    };
    Some(f64::from_bits(magnitude | u64::from(negative) << 63))
}

/// The bound that a long number denotes: like a float's text, with up to 127 digits after the point and an exponent of up to four digits. `None` where it is of another form; zero has only zeros.
pub(super) fn parse_long(text: &str) -> Option<Bound<8>> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = rest.strip_prefix("0x")?.split_once('p')?;
    let (lead, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let short = |text: &str, most: usize| !text.is_empty() && text.len() <= most;
    if !short(fraction, LONG_DIGITS)
        || !fraction.bytes().all(hex)
        || !short(digits, 4)
        || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let power: i64 = digits.parse::<i64>().ok()? * if exponent.starts_with('-') { -1 } else { 1 };
    let zero = fraction.bytes().all(|b| b == b'0');
    match lead {
        "0" if zero => return Some(Bound::ZERO),
        "1" => {}
        _ => return None,
    }
    let fraction = fraction.trim_end_matches('0');
    let mut words = [0_u64; 8];
    let place = fraction.len();
    for (at, digit) in fraction.bytes().rev().enumerate() {
        let value = u64::from(if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 });
        words[at / 16] |= value << (4 * (at % 16));
    }
    words[place / 16] |= 1 << (4 * (place % 16));
    Some(Bound { negative, words, exponent: power - 4 * place as i64 })
}

/// A bound as a long number: that of a float where it is one (and not subnormal), with as many digits as it needs otherwise. Bounds of more than 509 bits, or exponents of more than four digits, have no such text.
pub(super) fn long(bound: &Bound<8>) -> Option<String> {
    let Some(top) = (0..512).rev().find(|&at| bound.words[at / 64] >> (at % 64) & 1 == 1) else { return Some(hexadecimal(0.0)) };
    let power = bound.exponent + top as i64;
    // Bit i of the number, from the leading one down.
    let bit = |below: usize| top.checked_sub(below).is_some_and(|at| bound.words[at / 64] >> (at % 64) & 1 == 1);
    let digit = |at: usize| (1..=4).fold(0, |value, i| 2 * value + u32::from(bit(4 * at + i)));
    let digits: String = (0..top.div_ceil(4)).filter_map(|at| char::from_digit(digit(at), 16)).collect();
    let digits = digits.trim_end_matches('0');
    let sign = if bound.negative { "-" } else { "" };
    let fits = digits.len() <= LONG_DIGITS && power.abs() <= 9999;
    fits.then(|| format!("{sign}0x1.{digits:0<width$}p{power:+}", width = FRACTION_DIGITS))
}

/// An interval of long numbers; its bounds are moved outward to 448 bits where they have more.
pub(super) fn long_text(interval: &Long) -> Value {
    let shorter: Long = interval.resized::<7>().resized();
    let texts = [interval, &shorter].into_iter().find_map(|set| {
        let [lo, hi] = set.bounds()?;
        Some([long(&lo)?, long(&hi)?])
    });
    match texts {
        Some([lo, hi]) if lo == hi => lo.into(),
        Some([lo, hi]) => Value::Array(vec![lo.into(), hi.into()]),
        // No certificate has such an interval: what it says is refused as malformed.
        None => Value::Null,
    }
}

/// Most values of a text (as commas and opening brackets), objects and fields, how deep they may be nested, and the longest string or integer.
///
/// A parsed value takes up to about a hundred bytes, so that reading takes less than half a gigabyte whatever the text. Certificates need a depth of 5, some twenty objects, strings of 1,000 characters (formulas) and integers of 16 digits.
const VALUES_MAX: usize = 3_000_000;
const OBJECTS_MAX: usize = 64;
const FIELDS_MAX: usize = 1024;
const DEPTH_MAX: usize = 16;
const STRING_MAX: usize = 2048;
const INTEGER_MAX: usize = 20;

/// Looks at a JSON text before it is parsed, without storing anything: what is wrong with its size, if something is. Of its syntax nothing is said.
pub(super) fn oversize(text: &str) -> Option<String> {
    let (mut values, mut depth, mut objects, mut fields) = (1_usize, 0_usize, 0_usize, 0_usize);
    // Where the current string began, and the length of the current run outside of strings, lists and objects.
    let (mut string, mut run) = (None, 0);
    for (at, byte) in text.bytes().enumerate() {
        match (string, byte) {
            (Some(_), b'\\') => {
                return Some(format!("has a backslash in the string at byte {at}; there are no escapes in certificates"));
            }
            (Some(_), b'"') => string = None,
            (Some(begin), _) if at - begin > STRING_MAX => {
                return Some(format!("has a string of more than {STRING_MAX} characters at byte {begin}"));
            }
            (Some(_), _) => {}
            (None, b'"') => (string, run) = (Some(at), 0),
            (None, b'[' | b'{') => {
                (values, depth, run) = (values + 1, depth + 1, 0);
                objects += usize::from(byte == b'{');
                if depth > DEPTH_MAX {
                    return Some(format!("is nested more than {DEPTH_MAX} deep at byte {at}"));
                }
            }
            (None, b']' | b'}') => (depth, run) = (depth.saturating_sub(1), 0),
            (None, b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') => {
                values += usize::from(byte == b',');
                fields += usize::from(byte == b':');
                run = 0;
            }
            (None, _) => {
                run += 1;
                if run > INTEGER_MAX {
                    return Some(format!("has a number of more than {INTEGER_MAX} digits at byte {at}"));
                }
            }
        }
        for (found, most, what) in
            [(values, VALUES_MAX, "values"), (objects, OBJECTS_MAX, "objects"), (fields, FIELDS_MAX, "fields")]
        {
            if found > most {
                return Some(format!("has more than {most} {what}"));
            }
        }
    }
    None
}

/// The canonical text of a value: keys in ascending order of their bytes, no spaces.
///
/// Strings and keys of a certificate are printable ASCII without `"` and `\`, and its numbers are integers, so that there is one way to write each.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, None, &mut |part| out.push_str(part));
    out
}

/// Hands the canonical text on in parts; at the top level without the field `omitted`.
fn write_canonical(value: &Value, omitted: Option<&str>, out: &mut dyn FnMut(&str)) {
    match value {
        Value::Array(items) => {
            out("[");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out(",");
                }
                write_canonical(item, None, out);
            }
            out("]");
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().filter(|key| Some(key.as_str()) != omitted).collect();
            keys.sort();
            out("{");
            for (at, key) in keys.into_iter().enumerate() {
                for part in [if at > 0 { "," } else { "" }, "\"", key.as_str(), "\":"] {
                    out(part);
                }
                write_canonical(&fields[key], None, out);
            }
            out("}");
        }
        Value::String(text) => ["\"", text.as_str(), "\""].into_iter().for_each(out),
        other => out(&other.to_string()),
    }
}

/// sha256 of the canonical text of a certificate without its field `seal`, in hexadecimal.
pub fn seal(certificate: &Value) -> String {
    // The text is never there as a whole: a certificate may be large.
    let mut hasher = Sha256::new();
    write_canonical(certificate, Some("seal"), &mut |part| hasher.update(part.as_bytes()));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::{gaussian, stream};

    #[test]
    fn hexadecimal_text_is_exact() {
        let mut floats = vec![0.0; 1000];
        gaussian(&mut stream(1, "hex", 0), 1e3, &mut floats);
        floats.extend([0.0, -0.0, 1.0, -3.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, -2.5e-310, 0.1]);
        for x in floats {
            assert_eq!(parse_hexadecimal(&hexadecimal(x)).map(f64::to_bits), Some(x.to_bits()), "{x:e}");
        }
        assert_eq!(hexadecimal(-3.0), "-0x1.8000000000000p+1");
        assert_eq!(parse_hexadecimal("0x1p-1"), Some(0.5));
    }

    #[test]
    fn long_numbers_are_exact() {
        let mut floats = vec![0.0; 200];
        gaussian(&mut stream(2, "long", 0), 1e3, &mut floats);
        floats.extend([0.0, 1.0, -3.0, f64::MAX, f64::MIN_POSITIVE, 0.1]);
        for x in floats {
            let bound = parse_long(&hexadecimal(x)).unwrap();
            let set = Long::new(bound, bound).unwrap();
            assert_eq!([set.outward().lo(), set.outward().hi()].map(f64::to_bits), [x.to_bits(); 2], "{x:e}");
            assert_eq!(long(&set.bounds().unwrap()[0]).unwrap(), hexadecimal(x));
        }
        for text in ["0x1.00000000000000000001p-9999", "-0x1.fedcba9876543210123456789abcdefp+300"] {
            assert_eq!(long(&parse_long(text).unwrap()).unwrap(), text);
        }
        let longest = format!("0x1.{}1p+0", "0".repeat(126));
        assert_eq!(long(&parse_long(&longest).unwrap()).unwrap(), longest);
        for text in ["", "0x0.1p0", "0x2p0", "0x1p10000", "0x1.gp0", "0x1.p0", "1", &format!("0x1.{}p+0", "1".repeat(128))] {
            assert_eq!(parse_long(text), None, "{text}");
        }
    }

    #[test]
    fn other_text_is_no_float() {
        for text in [
            "",
            "1.5",
            "0x2p0",
            "0x1.8",
            "0x1.p0",
            "0x1p",
            "0x1p1024",
            "0x1p-1023",
            "0x0.8p0",
            "+0x1p0",
            "0x1.00000000000000p0",
            "nan",
            "0x1.8P0",
            "0x1.Ap0",
            "--0x1p0",
            "0x1p+-1",
            "0x1p00001",
        ] {
            assert_eq!(parse_hexadecimal(text), None, "{text}");
        }
    }

    #[test]
    fn canonical_text_does_not_depend_on_order_or_spaces() {
        let a: Value = serde_json::from_str(r#"{ "b": [1, "x"], "a": {"d": true, "c": 2} }"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":{"c":2,"d":true},"seal":"?","b":[1,"x"]}"#).unwrap();
        assert_eq!(canonical(&a), r#"{"a":{"c":2,"d":true},"b":[1,"x"]}"#);
        assert_eq!(seal(&a), seal(&b));
        let hash: String = Sha256::digest(canonical(&a).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(seal(&a), hash);
    }

    #[test]
    fn sizes_are_limited_before_parsing() {
        let quoted = |n: usize| format!("\"{}\"", "x".repeat(n));
        for fine in [
            "",
            "[",
            "{\"a\": [1, \"b\"]}",
            &"[".repeat(DEPTH_MAX),
            &quoted(STRING_MAX),
            &"7".repeat(INTEGER_MAX),
            &"[]".repeat(100),
        ] {
            assert_eq!(oversize(fine), None, "{fine}");
        }
        for (text, words) in [
            ("[".repeat(DEPTH_MAX + 1), "nested more than 16 deep"),
            ("{\"a\":".repeat(20), "nested"),
            (quoted(STRING_MAX + 2), "string of more than 2048"),
            ("7".repeat(INTEGER_MAX + 1), "number of more than 20 digits"),
            ("\"\\u0041\"".into(), "backslash"),
            ("0,".repeat(VALUES_MAX), "more than 3000000 values"),
            ("[],".repeat(VALUES_MAX / 2 + 1), "more than 3000000 values"),
            ("{},".repeat(OBJECTS_MAX + 1), "more than 64 objects"),
            ("\"a\":1,".repeat(FIELDS_MAX + 1), "more than 1024 fields"),
        ] {
            assert!(oversize(&text).is_some_and(|message| message.contains(words)), "{words}");
        }
    }
}
