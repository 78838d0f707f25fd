//! Formulas that a user writes: parsed by our own grammar, evaluated over floats, groups of eight floats, jets and intervals from one tree, printed to WGSL.
//!
//! ```text
//! sum      = product (("+" | "-") product)*
//! product  = signed (("*" | "/") signed)*
//! signed   = ("+" | "-") signed | power
//! power    = operand ("^" signed)?               right-associative; -x^2 is −(x²), 2^-x is 2^(−x)
//! operand  = number | name | function "(" sum ("," sum)* ")" | "(" sum ")"
//! number   = digits [. digits] [(e|E) [+|-] digits]     rounded once, to the nearest double
//! name     = letter (letter | digit | "_")*
//! ```
//!
//! A formula denotes a real function of its variables, all operations exact on the doubles that its numbers round to. Two sets of variables exist ([`Variables`]): the true class's probability p with q = 1 − p, or a
//! logit z; K, the number of classes, in both. Every other name is a parameter.
//!
//! **No cancellation.** p, q, −log p and −log q are leaves that the caller supplies to full relative accuracy: `1-p` becomes q, `log(p)` the leaf −log p, `1-p^a` becomes −expm1(a log p) and so on (`program`), so that what is
//! written naturally keeps its digits at p = 1 − 10⁻³⁰⁰.

mod parse;
mod program;
mod rewrite;
#[cfg(test)]
mod tests;
mod tree;
mod wgsl;

pub use parse::{FUNCTIONS, Function, ParseError, SIZE_MAX, TEXT_MAX, parse};
pub use program::{Along, Program, Seed, TrueClass};
pub use tree::{Expression, Variables};
