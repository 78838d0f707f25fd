//! The `ufm` command. Everything it does is in the library: see `ufm::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ufm::cli::main()
}
