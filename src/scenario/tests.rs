//! Scenarios as text, read from strings: what is resolved, and what is refused with which words.
