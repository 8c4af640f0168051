//! What the way back from a plan needs to know.
