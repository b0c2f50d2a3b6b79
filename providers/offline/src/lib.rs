//! No cloud: a machine that says itself who it is.
