//! The hosts file as a sink of aerostat.
