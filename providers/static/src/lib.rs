//! A cloud whose census is a file.
