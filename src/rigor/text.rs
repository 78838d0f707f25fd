//! The text of certificates: hexadecimal floats, canonical JSON, the seal.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Hexadecimal digits after the point of a double.
const FRACTION_DIGITS: usize = 13;

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

/// The canonical text of a value: keys in ascending order of their bytes, no spaces.
///
/// Strings and keys of a certificate are printable ASCII without `"` and `\`, and its numbers are integers, so that there is one way to write each.
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                let _ = write!(out, "\"{key}\":");
                write_canonical(&fields[key], out);
            }
            out.push('}');
        }
        Value::String(text) => {
            let _ = write!(out, "\"{text}\"");
        }
        other => out.push_str(&other.to_string()),
    }
}

/// sha256 of the canonical text of a certificate without its field `seal`, in hexadecimal.
pub fn seal(certificate: &Value) -> String {
    let mut open = certificate.clone();
    if let Value::Object(fields) = &mut open {
        fields.shift_remove("seal");
    }
    Sha256::digest(canonical(&open).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
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
    }
}
