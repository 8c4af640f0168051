//! Memory that nobody needs goes back to the machine.
//!
//! The only place with `unsafe`: what it asks of the C library and the kernel has no other door.

/// Keeps one heap for all threads, from now on: they read files side by side, and with a heap each keep a quarter more.
pub fn one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the only door to it")]
    // SAFETY: it takes two numbers, and sets one (mallopt(3)); heaps that are there stay.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what is free, and what of the program itself is not needed to wait. A look takes several times what is kept of it, and
/// glibc keeps freed pages between those in use for later: a daemon that looks twice a minute would hold for ever what it needs for
/// a moment. The next look finds the code that it needs in the page cache. Costs less than a millisecond.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "the only door to it")]
        // SAFETY: it takes no pointer, is safe to call from any thread (malloc_trim(3)), and touches only what is free.
        unsafe {
            libc::malloc_trim(0);
        }
        if let Some((start, end)) = std::fs::read_to_string("/proc/self/maps")
            .ok()
            .and_then(|maps| code(&maps, give_back as fn() as usize))
        {
            #[expect(unsafe_code, reason = "the only door to it")]
            // SAFETY: the range is a private mapping of a file that cannot be written to, so its pages are those of the file, and
            // come from there again when they are touched (madvise(2)).
            unsafe {
                libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED);
            }
        }
    }
}

/// The mapping in which an address of the program's code lies, of what `/proc/self/maps` says; none that may be written to, or
/// that is of no file.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn code(maps: &str, address: usize) -> Option<(usize, usize)> {
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16));
        let (start, end) = (start.ok()?, end.ok()?);
        let is_code = words.next()? == "r-xp" && words.nth(2)? != "0";
        (is_code && (start..end).contains(&address)).then_some((start, end))
    })
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::{code, give_back};

    #[test]
    fn only_code_that_comes_from_a_file_again_is_let_go() {
        let maps = "\
5000-7000 r--p 00000000 fe:00 12 /usr/bin/reconcile
7000-9000 r-xp 00002000 fe:00 12 /usr/bin/reconcile (deleted)
9000-a000 rwxp 00004000 fe:00 12 /usr/bin/reconcile
a000-b000 r-xp 00000000 00:00 0 [vdso]
";
        assert_eq!(code(maps, 0x7abc), Some((0x7000, 0x9000)));
        for address in [0x5abc, 0x9000, 0xa100, 0xb100] {
            assert_eq!(code(maps, address), None, "{address:x}");
        }
        let own = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(code(&own, give_back as fn() as usize).is_some(), "{own}");
        give_back();
    }
}
