//! Words that came from a file, made harmless where they are written.

/// Text for HTML, between tags or in a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().map(visible) {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    out
}

/// Text for one line of Markdown, also in a table: every sign that could mean something stands behind a backslash
/// (CommonMark §2.4, GitHub's tables).
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars().map(visible) {
        match char {
            '\n' => out.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '+' | '!' | '|' | '~' | '&' | '@' => {
                out.extend(['\\', char]);
            }
            _ => out.push(char),
        }
    }
    out
}

/// Text as it is, in a fence that it cannot close.
pub(super) fn fenced(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// Signs that steer a terminal or turn the reading direction are shown as such (Unicode's Cc but the line feed, and the
/// bidirectional controls of UAX #9).
fn visible(char: char) -> char {
    match char {
        '\n' => char,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }
}

/// Bytes in Base64 (RFC 4648 §4), for pictures inside the page.
pub(super) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for sign in 0..4 {
            let index = (bits >> (18 - 6 * sign)) as usize % 64;
            out.push(if sign <= three.len() { SIGNS[index].into() } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_opens_a_tag_or_ends_a_cell() {
        assert_eq!(html(r#"<b a="1" c='2'>&"#), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        assert_eq!(markdown("a|b\n`c` <i> [x](y) *z*"), r"a\|b \`c\` \<i\> \[x\](y) \*z\*");
        assert_eq!(html("a\u{202e}b\u{7}c\nd"), "a\u{fffd}b\u{fffd}c\nd");
    }

    #[test]
    fn a_fence_is_longer_than_all_in_it() {
        assert_eq!(fenced("a ```` b"), "`````text\na ```` b\n`````\n");
        assert_eq!(fenced("a"), "```text\na\n```\n");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        let said = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(said, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
