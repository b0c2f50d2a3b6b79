//! Names machines from the work they do, and keeps their hosts files true.
