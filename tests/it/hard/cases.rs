//! The inputs, each by a number that is its size in hundredths: 100 is about 10 MB or 10,000 services.

use std::fmt::Write as _;

/// What stands at a path.
pub enum Content {
    Bytes(Vec<u8>),
    Link(&'static str),
    Directory,
    Pipe,
    /// A file of this many bytes that nobody wrote.
    Sparse(u64),
}

/// How a case ends.
#[derive(Clone, Copy)]
pub enum Ends {
    /// It is a project.
    Loads,
    /// It is a project of lines as short as can be: what they imply is written out, and is many times longer.
    Dense,
    /// It is a project that is larger than its text, as far as growth is allowed.
    Grows,
    /// It is refused with these words.
    Error(&'static str),
    /// The same, after it grew as far as growth is allowed.
    Bomb(&'static str),
}

impl Ends {
    /// Bytes of memory for each byte of the text.
    pub fn factor(self) -> u64 {
        match self {
            Self::Dense => 500,
            Self::Loads | Self::Grows | Self::Error(_) | Self::Bomb(_) => 120,
        }
    }

    /// Memory for what is not in the text.
    pub fn growth_mib(self) -> u64 {
        match self {
            Self::Loads | Self::Dense | Self::Error(_) => 0,
            Self::Grows | Self::Bomb(_) => 640,
        }
    }
}

/// A hard input.
pub struct Case {
    pub name: &'static str,
    pub files: Vec<(String, Content)>,
    pub ends: Ends,
}

fn case(name: &'static str, ends: Ends, compose: impl Into<Vec<u8>>) -> Case {
    Case { name, files: vec![("compose.yaml".to_owned(), Content::Bytes(compose.into()))], ends }
}

impl Case {
    fn and(mut self, path: &str, content: Content) -> Self {
        self.files.push((path.to_owned(), content));
        self
    }

    fn text(self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.and(path, Content::Bytes(text.into()))
    }
}

const GROWS: &str = "the project grows by more than 64 MiB through";

/// Services with something in each.
fn services(count: usize, extra: &str) -> String {
    lines("services:\n", count, |out, i| drop_ok(writeln!(out, "  s{i}: {{image: x{extra}}}")))
}

fn lines(start: &str, count: usize, line: impl Fn(&mut String, usize)) -> String {
    let mut out = start.to_owned();
    for i in 0..count {
        line(&mut out, i);
    }
    out
}

/// Anchors of which each repeats the one before nine times.
fn laughs(levels: usize) -> String {
    let mut out = "x-a: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..levels {
        let _ = writeln!(out, "x-a{i}: &a{i} [{}]", vec![format!("*a{}", i - 1); 9].join(", "));
    }
    out + "services: {a: {image: x}}\n"
}

/// Writing to a string cannot fail.
fn drop_ok(written: std::fmt::Result) {
    written.unwrap();
}

/// Every case.
pub fn all(size: usize) -> Vec<Case> {
    let mut all = repeating(size);
    if size >= 20 {
        all.extend(growing());
    }
    all.extend(large(size));
    all.extend(many_mistakes(size));
    all.extend(spellings());
    all.extend(places());
    all
}

/// A few lines that name more than a machine holds.
fn repeating(size: usize) -> Vec<Case> {
    let web = "services: {a: {image: x, environment: {X: $A}}}\n";
    let doubling =
        lines("A0=0123456789abcdef\n", 40, |out, i| drop_ok(writeln!(out, "A{}=$A{i}$A{i}", i + 1)));
    let diamond = |level: usize| format!("include: [a{level}.yaml, b{level}.yaml]\n");
    let mut includes = case(
        "include twice at each level",
        Ends::Error("more than 1000 projects are included"),
        diamond(0) + "services: {a: {image: x}}\n",
    );
    for level in 0..30 {
        for side in ["a", "b"] {
            includes = includes.text(
                &format!("{side}{level}.yaml"),
                format!("{}services: {{{side}{level}: {{image: x}}}}\n", diamond(level + 1)),
            );
        }
    }
    for side in ["a", "b"] {
        includes =
            includes.text(&format!("{side}30.yaml"), format!("services: {{{side}30: {{image: x}}}}\n"));
    }
    vec![
        case("anchors of anchors", Ends::Bomb("through aliases"), laughs(10)),
        case("anchors within bounds", Ends::Grows, laughs(5)),
        case(
            "aliases of a long text",
            Ends::Bomb(GROWS),
            format!(
                "x-a: &a {}\nx-b: [{}]\nservices: {{a: {{image: x}}}}\n",
                "y".repeat(1000 * size),
                vec!["*a"; 100_000].join(", ")
            ),
        ),
        case("variables that double", Ends::Bomb("more than 32 MiB longer"), web).text(".env", doubling),
        case(
            "a variable many times",
            Ends::Bomb("longer than 32 MiB"),
            format!("services: {{a: {{image: x, environment: {{X: '{}'}}}}}}\n", "$A".repeat(100_000)),
        )
        .text(".env", format!("A={}\n", "x".repeat(1000 * size))),
        case("a long variable often", Ends::Bomb(GROWS), services(100 * size, ", environment: {X: $A}"))
            .text(".env", format!("A={}\n", "x".repeat(400_000))),
        case(
            "nested defaults",
            Ends::Error("`${` begins no variable here"),
            format!(
                "services: {{a: {{image: '{}{}'}}}}\n",
                "${A:-".repeat(1000 * size),
                "}".repeat(1000 * size)
            ),
        ),
        case("a variable of itself", Ends::Loads, "services: {a: {image: x, environment: {X: $A}}}\n")
            .text(".env", "A=$B\nB=$A\nC=${C}\n"),
        case(
            "a host range is one port",
            Ends::Loads,
            services(20 * size, ", ports: ['1-65535:80'], expose: ['1-65535']"),
        ),
        case(
            "replicas",
            Ends::Error("2000000000 containers are asked for, more than 10000"),
            services(1, ", scale: 2000000000"),
        ),
        case(
            "numbers",
            Ends::Loads,
            services(1, ", mem_limit: 99999999999999999999g, pids_limit: 99999999999999999999"),
        ),
        includes,
    ]
}

/// Those that take their time until they reach the limit.
fn growing() -> Vec<Case> {
    let variables = lines("", 2000, |out, i| drop_ok(writeln!(out, "K{i}=value value value")));
    let base = lines("services:\n  b:\n    image: x\n    environment:\n", 2000, |out, i| {
        drop_ok(writeln!(out, "      K{i}: value value value"));
    });
    vec![
        case("an env file for all", Ends::Bomb(GROWS), services(1000, ", env_file: k.env"))
            .text("k.env", variables),
        case(
            "a large service for all",
            Ends::Bomb("through `extends`"),
            lines(&base, 1000, |out, i| drop_ok(writeln!(out, "  s{i}: {{extends: b}}"))),
        ),
        case("all ports", Ends::Grows, "services: {a: {image: x, ports: ['1-65535:1-65535']}}\n"),
        case(
            "all ports many times",
            Ends::Bomb("through ranges of ports"),
            services(2000, ", ports: ['1-65535']"),
        ),
    ]
}

/// Long texts.
fn large(size: usize) -> Vec<Case> {
    let bytes = 100_000 * size;
    let service = |out: &mut String, i: usize| {
        let _ = write!(out, "  s{i}:\n    image: nginx\n    environment:\n");
        for key in 0..20 {
            let _ = writeln!(out, "      VAR_{key}: \"value number {key} of service {i}\"");
        }
        let _ = writeln!(out, "    ports: [\"{}:80\"]", i % 60_000 + 1);
    };
    vec![
        case("ten megabytes", Ends::Loads, lines("services:\n", 100 * size, service)),
        case("ten thousand services", Ends::Dense, services(100 * size, "")),
        case(
            "a chain of dependencies",
            Ends::Dense,
            lines("services:\n", 100 * size, |out, i| {
                drop_ok(writeln!(out, "  s{i}: {{image: x, depends_on: [s{}]}}", i + 1));
            }) + &format!("  s{}: {{image: x}}\n", 100 * size),
        ),
        case(
            "a chain of extends",
            Ends::Error("more than 100 services extend each other"),
            lines("services:\n", 100 * size, |out, i| {
                drop_ok(writeln!(out, "  s{i}: {{extends: s{}}}", i + 1));
            }) + &format!("  s{}: {{image: x}}\n", 100 * size),
        ),
        case(
            "extends from a file",
            Ends::Dense,
            lines("services:\n", 100 * size, |out, i| {
                drop_ok(writeln!(out, "  s{i}: {{extends: {{file: b.yaml, service: s{i}}}}}"));
            }),
        )
        .text("b.yaml", services(100 * size, "")),
        case(
            "a long value",
            Ends::Loads,
            format!("services: {{a: {{image: x, command: {}}}}}\n", "v".repeat(bytes)),
        ),
        case(
            "a long wrong value",
            Ends::Error("restart"),
            format!("services:\n  a:\n    image: x\n    restart: {}\n", "v".repeat(bytes)),
        ),
        case(
            "a long key",
            Ends::Error("a key without `:` ends here"),
            format!("services:\n  a:\n    image: x\n    {}: 1\n", "k".repeat(bytes)),
        ),
        case(
            "a long block",
            Ends::Loads,
            lines("services:\n  a:\n    image: x\n    command: |\n", bytes / 19, |out, _| {
                out.push_str("      line of text\n");
            }),
        ),
        case(
            "a long comment",
            Ends::Loads,
            format!("#{}\nservices: {{a: {{image: x}}}}\n", "c".repeat(bytes)),
        ),
        case("a long env file", Ends::Loads, "services: {a: {image: x, env_file: k.env}}\n")
            .text("k.env", format!("K={}\n", "v".repeat(bytes))),
        case(
            "deep brackets",
            Ends::Error("nested deeper than 160 levels"),
            format!("x-a: {}\n", "[".repeat(bytes)),
        ),
        case(
            "deep dashes",
            Ends::Error("nested deeper than 160 levels"),
            format!("x-a:\n  {}x\n", "- ".repeat(bytes / 2)),
        ),
        case("many documents", Ends::Loads, "---\nservices: {a: {image: x}}\n".repeat(100 * size)),
        case(
            "a source of a gigabyte",
            Ends::Error("it is larger than 32 MiB"),
            "services: {a: {image: x, env_file: k.env}}\n",
        )
        .and("k.env", Content::Sparse(1 << 30)),
        case("only line feeds", Ends::Error("nothing is in"), vec![b'\n'; bytes]),
        case("only zeros", Ends::Error("control character"), vec![0; bytes]),
        case("only 0xff", Ends::Error("is not UTF-8"), vec![0xff; bytes]),
        case(
            "many anchors",
            Ends::Loads,
            lines("services: {a: {image: x}}\nx-a:\n", 3000 * size, |out, i| {
                drop_ok(writeln!(out, "- &a{i} x"));
            }),
        ),
    ]
}

/// As many mistakes as fit.
fn many_mistakes(size: usize) -> Vec<Case> {
    let count = 1000 * size;
    vec![
        case(
            "equal keys",
            Ends::Error("stands here twice"),
            "services:\n".to_owned() + &"  s: {image: x}\n".repeat(count),
        ),
        case(
            "wrong items",
            Ends::Error("ports"),
            "services:\n  s:\n    image: x\n    ports:\n".to_owned() + &"      - []\n".repeat(count),
        ),
        case(
            "unknown keys",
            Ends::Error("key1"),
            lines("services:\n  s:\n    image: x\n", count, |out, i| drop_ok(writeln!(out, "    key{i}: 1"))),
        ),
        case(
            "unset variables",
            Ends::Loads,
            lines("services:\n  s:\n    image: x\n    environment:\n", count, |out, i| {
                drop_ok(writeln!(out, "      K{i}: $V{i}"));
            }),
        ),
        case("bad casts", Ends::Error("is not a boolean"), services(count, ", privileged: maybe")),
        case(
            "references to nothing",
            Ends::Error("netw1"),
            lines("services:\n", 100 * size, |out, i| {
                drop_ok(writeln!(out, "  s{i}: {{image: x, networks: [netw{i}]}}"));
            }) + &lines("networks:\n", 100 * size, |out, i| drop_ok(writeln!(out, "  abcn{i}: {{}}"))),
        ),
        case("bad lines of variables", Ends::Error("blank"), "services: {a: {image: x}}\n")
            .text(".env", "a b c\n".repeat(10 * count)),
        case(
            "unset variables of one text",
            Ends::Loads,
            lines("services: {a: {image: x, command: '", count, |out, i| drop_ok(write!(out, "$A{i} ")))
                + "'}}\n",
        ),
        case("unset variables of a file", Ends::Loads, "services: {a: {image: x}}\n")
            .text(".env", lines("", 2 * count, |out, i| drop_ok(writeln!(out, "K{i}=$U{i}")))),
        case(
            "unknown anchors",
            Ends::Error("there is no anchor"),
            lines("services: {a: {image: x}}\nx-b: &abc x\nx-a:\n", count, |out, i| {
                drop_ok(writeln!(out, "- *b{i}"));
            }),
        ),
    ]
}

/// Encodings and ends of lines.
fn spellings() -> Vec<Case> {
    const GOOD: &str = "services:\n  a:\n    image: x\n";
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        format!("\u{feff}{GOOD}").encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    vec![
        case("CR", Ends::Loads, GOOD.replace('\n', "\r")),
        case("CR LF", Ends::Loads, GOOD.replace('\n', "\r\n")),
        case("NEL", Ends::Loads, GOOD.replace('\n', "\u{85}")),
        case("LS", Ends::Loads, GOOD.replace('\n', "\u{2028}")),
        case("a byte order mark", Ends::Loads, format!("\u{feff}{GOOD}")).text(".env", "\u{feff}A=b\n"),
        case("UTF-16 LE", Ends::Error("UTF-16 text, not UTF-8"), utf16(u16::to_le_bytes)),
        case("UTF-16 BE", Ends::Error("UTF-16 text, not UTF-8"), utf16(u16::to_be_bytes)),
        case("UTF-16 variables", Ends::Error("UTF-16 text, not UTF-8"), GOOD)
            .text(".env", utf16(u16::to_le_bytes)),
        case("no UTF-8", Ends::Error("is not UTF-8"), b"services: {a: {image: \xff}}\n".to_vec()),
        case("NUL", Ends::Error("control character"), "services: {a: {image: x\0y}}\n"),
        case("NUL in a path", Ends::Error("env file"), "services: {a: {image: x, env_file: \"a\\0b\"}}\n"),
    ]
}

/// What may stand where a file is expected.
fn places() -> Vec<Case> {
    const ENV: &str = "services: {a: {image: x, env_file: k.env}}\n";
    vec![
        case(
            "an include of itself",
            Ends::Error("circle"),
            "include: [compose.yaml]\nservices: {a: {image: x}}\n",
        ),
        case("includes in a circle", Ends::Error("circle"), "include: [b.yaml]\nservices: {a: {image: x}}\n")
            .text("b.yaml", "include: [compose.yaml]\nservices: {b: {image: x}}\n"),
        case("extends in a circle", Ends::Error("circle"), "services: {a: {extends: b}, b: {extends: a}}\n"),
        case(
            "extends of files in a circle",
            Ends::Error("circle"),
            "services: {a: {extends: {file: b.yaml, service: b}}}\n",
        )
        .text("b.yaml", "services: {b: {extends: {file: compose.yaml, service: a}}}\n"),
        case("a link to itself", Ends::Error("k.env"), ENV).and("k.env", Content::Link("k.env")),
        case("a link to nothing", Ends::Error("there is no env file"), ENV)
            .and("k.env", Content::Link("nowhere")),
        case("a link to a directory", Ends::Error("is a directory"), ENV).and("k.env", Content::Link("/tmp")),
        case("a directory", Ends::Error("is a directory"), ENV).and("k.env", Content::Directory),
        case("a pipe", Ends::Error("it is a named pipe, not a file"), ENV).and("k.env", Content::Pipe),
        case("a link to a device", Ends::Error("it is a device, not a file"), ENV)
            .and("k.env", Content::Link("/dev/zero")),
        case("nothing", Ends::Loads, ENV).and("k.env", Content::Link("/dev/null")),
        case(
            "a pipe as config",
            Ends::Error("it is no regular file"),
            "services: {a: {image: x, configs: [c]}}\nconfigs: {c: {file: p}}\n",
        )
        .and("p", Content::Pipe),
        case("a circle of directories", Ends::Loads, "services: {a: {image: x, volumes: ['./d:/d:ro']}}\n")
            .text("d/a", "a")
            .and("d/up", Content::Link("..")),
        case(
            "a path of many levels",
            Ends::Loads,
            format!("services: {{a: {{image: x, volumes: ['./{}:/x']}}}}\n", "a/".repeat(1000)),
        ),
    ]
}
