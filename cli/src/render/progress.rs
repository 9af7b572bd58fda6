//! The bar that long work shows on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a batch is. On anything but a terminal it is not there.
#[derive(Clone, Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar of `length` steps on standard error.
    pub(super) fn shown(length: u64) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(Some(length), target);
        // The template is a constant; the plain bar would do as well.
        let template = "{bar:40} {human_pos}/{human_len} ({per_sec}, {eta} left)";
        let style = ProgressStyle::with_template(template);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// No bar.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    /// Says something beside the bar.
    pub(crate) fn aside(&self, say: impl FnOnce()) {
        self.0.suspend(say);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
