//! Signals: the first SIGINT (Ctrl-C) or SIGTERM asks a run to stop, a second one ends the process at once.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// SIGINT, by its number everywhere.
pub(super) const INTERRUPT: u8 = 2;

/// What the handlers set.
#[derive(Default)]
struct Caught {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

fn state() -> &'static Caught {
    static STATE: OnceLock<Caught> = OnceLock::new();
    STATE.get_or_init(Caught::default)
}

/// From now on the signals are caught; the flag is set by the first. A folder of scenarios asks once for each.
pub(super) fn caught() -> io::Result<Arc<AtomicBool>> {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let Caught { asked, signal } = state();
    if INSTALLED.set(()).is_ok() {
        for number in [SIGINT, SIGTERM] {
            // In this order: the one that ends the process looks at the flag before the other sets it.
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(asked))?;
            flag::register_usize(number, Arc::clone(signal), number as usize)?;
            flag::register(number, Arc::clone(asked))?;
        }
        std::thread::spawn(tell);
    }
    Ok(Arc::clone(asked))
}

/// The signal that came first, if one came.
pub(super) fn signal() -> Option<u8> {
    u8::try_from(state().signal.load(Ordering::SeqCst)).ok().filter(|signal| *signal > 0)
}

/// Waits for the first signal and says what happens now: the cases on their way may take a while.
fn tell() {
    while !state().asked.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(50));
    }
    // If standard error is gone there is nobody to tell.
    let words =
        "ufm: stopping: cases on their way are finished, no other is begun; once more stops at once, and loses only those";
    let _ = writeln!(io::stderr(), "{words}");
}
