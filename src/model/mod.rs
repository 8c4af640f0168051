//! The words of the program as plain data: no I/O, nothing of ours but each other.
