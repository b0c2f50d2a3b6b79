//! SQLite as a store of aerostat: the embedded default.
