//! What does not fit a type, in plain words: names of the wire, not of the program.

/// A sentence about a member or parameter, from what serde says of it.
pub(crate) fn plain(name: &str, said: &str) -> String {
    let name = if name.is_empty() { "the body" } else { name };
    if let Some(missing) = between(said, "missing field `", "`") {
        return format!("{missing} is missing");
    }
    if let Some(double) = between(said, "duplicate field `", "`") {
        return format!("{double} is there twice");
    }
    if let Some(rest) = said.strip_prefix("unknown field `")
        && let Some((given, expected)) = rest.split_once("`, expected ")
    {
        let known = expected.trim_start_matches("one of ").replace('`', "");
        return format!("{name} has no member {given:?}; it takes {known}");
    }
    if let Some(rest) = said.strip_prefix("unknown variant `")
        && let Some((given, expected)) = rest.split_once("`, expected ")
    {
        let choices = expected.trim_start_matches("one of ").replace('`', "");
        return format!("{name} is to be {}; {given:?} is none of them", choices.replace(", ", " or "));
    }
    if let Some(rest) = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "))
        && let Some((given, expected)) = rest.split_once(", expected ")
    {
        return format!("{name} is to be {}, and not {}", kind(expected), value(given));
    }
    if said.to_ascii_lowercase().contains("uuid") {
        return format!("{name} is to be a UUID");
    }
    format!("{name} can't be read: {said}")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.strip_prefix(from)?.split(to).next()
}

/// What was expected.
fn kind(expected: &str) -> &str {
    match expected.trim() {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        "a formatted UUID string" => "a UUID",
        other if other.starts_with("struct ") => "an object",
        other if other.starts_with("enum ") => "one of its names",
        other => other,
    }
}

/// What was given.
fn value(given: &str) -> String {
    match given {
        "map" => "an object".into(),
        "sequence" => "an array".into(),
        "null" => "null".into(),
        // such as: integer `1`, string "x", floating point `1.5`
        other => match other.find(['`', '"']) {
            Some(literal) => other.get(literal..).unwrap_or(other).replace('`', ""),
            None => other.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn speaks_of_the_wire() {
        for (said, expected) in [
            ("missing field `password`", "password is missing"),
            ("invalid type: integer `1`, expected a string", "x is to be a string, and not 1"),
            ("invalid type: map, expected a string", "x is to be a string, and not an object"),
            ("invalid type: string \"a\", expected struct LoginDevice", "x is to be an object, and not \"a\""),
            ("invalid type: floating point `1.5`, expected u32", "x is to be a whole number, not negative, and not 1.5"),
            ("invalid value: integer `-1`, expected usize", "x is to be a whole number, not negative, and not -1"),
            ("unknown variant `boss`, expected one of `lead`, `viewer`", "x is to be lead or viewer; \"boss\" is none of them"),
            ("unknown variant `shut`, expected `open` or `all`", "x is to be open or all; \"shut\" is none of them"),
            ("UUID parsing failed: invalid length", "x is to be a UUID"),
            ("something else", "x can't be read: something else"),
        ] {
            assert_eq!(plain("x", said), expected);
        }
    }
}
