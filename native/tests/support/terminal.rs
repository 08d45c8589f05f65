//! A terminal that nobody looks at.

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::fs::{File, OpenOptions};

/// Both sides of a terminal of 100 columns.
pub(crate) fn open_terminal() -> (File, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("Linux has terminals");
    grantpt(&terminal).expect("it is ours");
    unlockpt(&terminal).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let size = Winsize {
        ws_row: 25,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).expect("it is ours");
    let name = name.to_str().expect("an ordinary name");
    let side = OpenOptions::new().read(true).write(true).open(name);
    (File::from(terminal), side.expect("it is unlocked"))
}
