//! What no filesystem but this one does.
