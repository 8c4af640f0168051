//! The short form of a device: `SOURCE[:TARGET[:PERMISSIONS]]`.

/// A device of the host made visible in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Path on the host.
    pub source: String,
    /// Path in the container; the source's if not given.
    pub target: String,
    /// Letters of `rwm`; all three if not given.
    pub permissions: String,
}

/// Reads a short device.
pub fn parse_short(spec: &str) -> Result<Device, String> {
    let parts: Vec<&str> = spec.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, *source, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => return Err(format!("confusing device mapping, please use long syntax: {spec}")),
    };
    Ok(Device { source: source.into(), target: target.into(), permissions: permissions.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parts_come_from_the_source_and_full_permissions() {
        let device = |spec| parse_short(spec).map(|d| format!("{} {} {}", d.source, d.target, d.permissions));
        assert_eq!(device("/dev/a").unwrap(), "/dev/a /dev/a rwm");
        assert_eq!(device("/dev/a:/dev/b").unwrap(), "/dev/a /dev/b rwm");
        assert_eq!(device("/dev/a:/dev/b:r").unwrap(), "/dev/a /dev/b r");
        assert!(device("a:b:c:d").unwrap_err().starts_with("confusing device mapping"));
    }
}
