//! Replaces a file so that a crash leaves the old one or the new one, whole.
