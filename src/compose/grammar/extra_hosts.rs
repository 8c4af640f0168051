//! Extra lines of a container's hosts file: `host=ip[,ip]` or `host:ip`.

use std::collections::BTreeMap;

/// Addresses by host name, gathered entry by entry.
#[derive(Debug, Default)]
pub struct Hosts(BTreeMap<String, Vec<String>>);

impl Hosts {
    /// Adds an entry of the list form. The first `=` splits host from addresses, else the first `:`;
    /// repeats of a host accumulate.
    pub fn add_entry(&mut self, entry: &str) -> Result<(), String> {
        let (host, addresses) = entry
            .split_once('=')
            .or_else(|| entry.split_once(':'))
            .ok_or_else(|| format!("invalid additional host, missing IP: {entry}"))?;
        self.0.entry(host.to_owned()).or_default().extend(addresses.split(',').map(str::to_owned));
        Ok(())
    }

    /// Adds a host of the map form.
    pub fn add_host(&mut self, host: &str, addresses: impl IntoIterator<Item = String>) {
        self.0.entry(host.to_owned()).or_default().extend(addresses);
    }

    /// The sorted lines `host=ip`; brackets around IPv6 addresses are taken off.
    pub fn into_lines(self) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for (host, addresses) in self.0 {
            if host.is_empty() || host.contains([':', '=']) {
                return Err(format!("bad host name '{host}'"));
            }
            for address in addresses {
                let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                let bare = bare.filter(|bare| !bare.is_empty()).unwrap_or(&address);
                lines.push(format!("{host}={bare}"));
            }
        }
        lines.sort();
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(entries: &[&str]) -> Result<Vec<String>, String> {
        let mut hosts = Hosts::default();
        for entry in entries {
            hosts.add_entry(entry)?;
        }
        hosts.into_lines()
    }

    #[test]
    fn entries_split_and_accumulate() {
        assert_eq!(
            lines(&["b:::1", "a=1.1.1.1,2.2.2.2", "a:3.3.3.3"]).unwrap(),
            ["a=1.1.1.1", "a=2.2.2.2", "a=3.3.3.3", "b=::1"]
        );
        assert_eq!(lines(&["h=[::1]"]).unwrap(), ["h=::1"]);
    }

    #[test]
    fn broken_entries_are_refused() {
        assert_eq!(lines(&["foo"]), Err("invalid additional host, missing IP: foo".to_owned()));
        assert_eq!(lines(&["a:b=1"]), Err("bad host name 'a:b'".to_owned()));
        assert_eq!(lines(&["=1"]), Err("bad host name ''".to_owned()));
    }
}
