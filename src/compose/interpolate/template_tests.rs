use super::{TemplateError, substitute};

fn lookup(name: &str) -> Option<String> {
    match name {
        "SET" => Some("set"),
        "EMPTY" => Some(""),
        "NUM" => Some("42"),
        "a" => Some("lower"),
        "A_1" => Some("under"),
        "B" => Some("b"),
        _ => None,
    }
    .map(str::to_owned)
}

fn run(text: &str) -> (Result<String, TemplateError>, Vec<String>) {
    let mut unset = Vec::new();
    let result = substitute(text, &lookup, &mut |name| unset.push(name.to_owned()));
    (result, unset)
}

#[test]
fn templates_give_what_the_reference_gives() {
    for (template, wanted) in [
        ("plain", "plain"),
        ("$SET", "set"),
        ("${SET}", "set"),
        ("${SET:-def}${SET-def}${SET:?e}${SET?e}", "setsetsetset"),
        ("${SET:+alt} ${SET+alt}", "alt alt"),
        ("[$EMPTY][${EMPTY}]", "[][]"),
        ("${EMPTY:-def}[${EMPTY-def}][${EMPTY?err}][${EMPTY:+alt}]${EMPTY+alt}", "def[][][]alt"),
        ("${UNSET:-def}${UNSET-def}[${UNSET:+alt}][${UNSET+alt}][${UNSET:-}][${UNSET-}]", "defdef[][][][]"),
        ("$$SET $$$SET $$$$SET a$$b", "$SET $set $$SET a$b"),
        ("${UNSET:-$$x}", "$x"),
        ("${UNSET:-${SET}} ${UNSET:-${UNSET2:-deep}} ${UNSET:-a${SET}b$NUM}", "set deep asetb42"),
        ("$SET-$NUM ${SET}${NUM}", "set-42 set42"),
        ("${SET}text${UNSET:-x}text${NUM}", "settextxtext42"),
        ("$A_1 $a", "under lower"),
        ("${UNSET:-a:b} ${UNSET:-a b  c} ${UNSET:-a-b}", "a:b a b  c a-b"),
        ("${UNSET-a:-b} ${UNSET:-a?b} ${UNSET:-a+b}", "a:-b a?b a+b"),
        ("${UNSET:-a}b}", "ab}"),
        ("${UNSET:-{}}", "{}"),
        ("${UNSET:-{\"a\":1}}", "{\"a\":1}"),
        ("${A:-${B}}-${C:-${D:-{x}}}-${B:+{y}}", "b-{x}-{y}"),
        ("$ $. $1 $( a$", "$ $. $1 $( a$"),
        ("${UNSET:-x}\n${SET}\n$NUM", "x\nset\n42"),
        ("${UNSET:-x} $é ${SET:-ü}", "x $é set"),
        ("{$SET} }{", "{set} }{"),
    ] {
        assert_eq!(run(template).0.as_deref(), Ok(wanted), "{template}");
    }
}

#[test]
fn a_broken_variable_shows_the_text_that_was_scanned() {
    for (template, shown) in [
        ("nginx:${", "nginx:${"),
        ("${}", "${}"),
        ("nginx:${ TAG }", "nginx:${ TAG }"),
        ("nginx:${1TAG}", "nginx:${1TAG}"),
        ("${TAG-def", "${TAG-def"),
        ("${TAG=def}", "${TAG=def}"),
        ("${TAG.foo}", "${TAG.foo}"),
        ("${A:-l1\nl2}", "${A:-l1\nl2}"),
        ("echo ${A:-x\ny}\necho $$HOME ${B:-z}\n", "echo ${A:-x\ny}\necho $$HOME ${B:-z}\n"),
        ("${A:-{}}y${B}", "{}}y${B"),
        ("x ${A:-x} ${ TAG }", " ${ TAG }"),
        ("x ${A:-x} ${", "x ${A:-x} ${"),
        ("${UNSET:-${}}", "${}"),
        ("${A:-x} ${A:-y}\n${", "${A:-x} ${A:-y}\n${"),
    ] {
        let wanted = TemplateError::Invalid { template: shown.to_owned() };
        assert_eq!(run(template).0, Err(wanted), "{template}");
    }
}

#[test]
fn a_required_variable_must_be_there() {
    for (template, text) in [
        ("${UNSET?}", "required variable UNSET is missing a value"),
        ("${UNSET:?because $NUM}", "required variable UNSET is missing a value: because 42"),
        ("${EMPTY:?msg}", "required variable EMPTY is missing a value: msg"),
        (
            "${SET:-${UNSET:?evaluated anyway}}",
            "required variable UNSET is missing a value: evaluated anyway",
        ),
    ] {
        assert_eq!(run(template).0.map_err(|error| error.to_string()), Err(text.to_owned()), "{template}");
    }
}

#[test]
fn every_use_of_an_unset_variable_is_told_also_in_unused_words() {
    assert_eq!(run("$U ${U} ${V:-x} ${SET:-$W} ${V:+$X}").1, ["U", "U", "W", "X"]);
}

#[test]
fn values_are_not_scanned_again() {
    let found = substitute("$A", &|_| Some("$B ${".to_owned()), &mut |_| {});
    assert_eq!(found.as_deref(), Ok("$B ${"));
}

#[test]
fn long_and_deep_templates_end() {
    let row = "${A:-x}".repeat(200_000);
    assert_eq!(run(&row).0.map(|text| text.len()), Ok(200_000));
    let deep = format!("{}{}", "${A:-".repeat(200_000), "}".repeat(200_000));
    assert!(matches!(run(&deep).0, Err(TemplateError::Invalid { .. })));
}
