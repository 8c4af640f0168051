//! Memory that nobody needs goes back to the machine.

/// Gives back what is free. A look takes several times what is kept of it, and glibc keeps freed pages between those in use for later:
/// a daemon that looks twice a minute would hold for ever what it needs for a moment. Costs less than a millisecond.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the only door to it")]
    // SAFETY: it takes no pointer, is safe to call from any thread (malloc_trim(3)), and touches only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
