//! The conformance suites that every provider of aerostat passes.
