//! A file of logins by machine, as curl and git read it.

/// A user and a password.
pub(super) type Login = (String, String);

/// The login for a host: that of its machine, else the default one.
pub(super) fn login(text: &str, host: &str) -> Option<Login> {
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let mut entries: Vec<(Option<String>, String, Option<String>)> = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "machine" => entries.push((words.next().map(str::to_owned), String::new(), None)),
            "default" => entries.push((None, String::new(), None)),
            "login" | "password" | "account" => {
                let value = words.next().unwrap_or_default().to_owned();
                match (word, entries.last_mut()) {
                    ("login", Some(entry)) => entry.1 = value,
                    ("password", Some(entry)) => entry.2 = Some(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let is_host = |name: &Option<String>| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host));
    let found = entries.iter().find(|entry| is_host(&entry.0));
    let (_, user, password) = found.or_else(|| entries.iter().find(|entry| entry.0.is_none()))?;
    Some((user.clone(), password.clone()?))
}

#[cfg(test)]
mod tests {
    use super::login;

    #[test]
    fn the_machine_goes_before_the_default() {
        let text = "# of the host\nmachine a.org login me password one\nmachine b.org\n  login you\n  password two\ndefault login any password three\n";
        let found = |host| login(text, host).map(|(user, password)| format!("{user} {password}"));
        assert_eq!(found("A.org").as_deref(), Some("me one"));
        assert_eq!(found("b.org").as_deref(), Some("you two"));
        assert_eq!(found("c.org").as_deref(), Some("any three"));
        assert_eq!(login("machine a.org login me", "a.org"), None);
        assert_eq!(login("", "a.org"), None);
    }
}
