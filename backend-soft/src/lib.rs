//! Keys in PEM files.
