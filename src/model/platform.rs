//! Platforms of images, `os/architecture[/variant]`.

/// Whether an image of one platform serves where another is wanted. Names that mean the same are one; a variant that is not
/// said is any. An unknown platform serves everywhere.
pub fn serves(has: &str, wanted: &str) -> bool {
    let (has, wanted) = (parts(has), parts(wanted));
    has.iter().zip(&wanted).all(|(has, wanted)| has.is_empty() || wanted.is_empty() || has == wanted)
}

/// Operating system, architecture and variant; a single word is an architecture of Linux, or an operating system.
pub fn parts(text: &str) -> [String; 3] {
    let text = text.to_lowercase();
    let mut words = text.split('/');
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let (os, architecture) = match second {
        Some(second) => (first, second),
        None if matches!(first, "linux" | "windows" | "") => (first, ""),
        None => ("linux", first),
    };
    let (architecture, implied) = match architecture {
        "x86_64" | "x86-64" => ("amd64", ""),
        "aarch64" => ("arm64", ""),
        "armhf" => ("arm", "v7"),
        "armel" => ("arm", "v6"),
        "i386" | "i486" | "i586" | "i686" => ("386", ""),
        other => (other, ""),
    };
    [os, architecture, words.next().unwrap_or(implied)].map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn names_of_one_platform_are_one_and_others_differ() {
        for (has, wanted) in [
            ("linux/amd64", "linux/x86_64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64", "arm64"),
            ("linux/amd64", "linux"),
            ("", "linux/arm64"),
        ] {
            assert!(serves(has, wanted), "{has} {wanted}");
        }
        for (has, wanted) in
            [("linux/amd64", "linux/arm64"), ("linux/arm/v6", "armhf"), ("linux/amd64", "windows")]
        {
            assert!(!serves(has, wanted), "{has} {wanted}");
        }
    }
}
