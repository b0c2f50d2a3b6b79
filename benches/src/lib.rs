//! The benchmarks of aerostat, each beside its baseline in one run.
