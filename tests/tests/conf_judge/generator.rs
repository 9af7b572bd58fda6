//! Random configs and values, mostly well formed.

/// A small repeatable source of randomness (SplitMix64): a failure names its seed.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A whole config for `req`: sections, variables, quotes, escapes, continuations, comments.
pub(crate) fn config(rng: &mut Rng) -> Vec<u8> {
    let mut text = Vec::new();
    let mut known: Vec<String> = Vec::new();
    // Most variables are thus there to fall back to.
    text.extend(b"a = 1\nb = $a$a\nc = \"c\"\nd1 = d\n");
    for section in ["", "s0", "s1", "req", "s0", "dn", "default", "dn", "s2", "dn"] {
        if !section.is_empty() {
            let (before, after) = (rng.pick(&["", " ", "\t"]), rng.pick(&["", " ", " # x", " x"]));
            text.extend(format!("[{before}{section}{before}]{after}").bytes());
            line_end(rng, &mut text);
        }
        if section == "req" {
            let order = rng.pick(&["prompt = no\n", "prompt=no # no\n", "prompt\t=\t\"no\"\n"]);
            text.extend(format!("{order}distinguished_name = dn\n").bytes());
            continue;
        }
        for _ in 0..rng.below(6) {
            let key = if section == "dn" {
                let prefix =
                    rng.pick(&["0", "1", "2", "a!", "%&*", "x-", "~|^", "\\;", "q?", "@;"]);
                format!("{prefix}.{}", rng.pick(&["description", "title", "2.5.4.13", "1.2.3.4"]))
            } else {
                rng.pick(&["a", "b", "c", "d1", "e_", "f"]).to_owned()
            };
            let far =
                if section != "dn" && rng.one_in(8) { rng.pick(&["s0::", "s2::"]) } else { "" };
            text.extend(rng.pick(&["", " ", "\t "]).bytes());
            text.extend(format!("{far}{key}").bytes());
            text.extend(rng.pick(&["=", " = ", "\t=", "= "]).bytes());
            value(rng, &known, &mut text);
            line_end(rng, &mut text);
            if section != "dn" {
                let home = if far.is_empty() { section } else { far.trim_end_matches(':') };
                let home = if home.is_empty() { "default" } else { home };
                known.push(format!("{home}::{key}"));
            }
        }
        if rng.one_in(12) {
            text.extend(
                rng.pick(&["# comment \\\n", "\n", "  \t\n", "\\\n", ".pragma a:b\n"]).bytes(),
            );
        }
    }
    text
}

fn value(rng: &mut Rng, known: &[String], text: &mut Vec<u8>) {
    for _ in 0..rng.below(7) {
        match rng.below(16) {
            0 => text.extend(
                rng.pick(&["\\n", "\\t", "\\\\", "\\\"", "\\#", "\\$", "\\ ", "\\x"]).bytes(),
            ),
            1 => text.extend(
                rng.pick(&["\"a b\"", "'x # y'", "`$z`", "\"\\n\\\"\"", "''", "\"'\""]).bytes(),
            ),
            2 | 3 if !known.is_empty() => {
                let name = &known[rng.below(known.len())];
                let short = name.split("::").nth(1).unwrap();
                let name = if rng.one_in(6) { short } else { name };
                let form = rng.pick(&["$N ", "${N}", "$(N)", "$N.", "\"$N\"", "$N-"]);
                text.extend(form.replace('N', name).bytes());
            }
            4 if rng.one_in(3) => {
                let long = rng.below(600);
                text.extend(std::iter::repeat_n(b'l', long));
            }
            5 if rng.one_in(3) => text.extend(rng.pick(&["\\\n", "\\\r\n", "\\\n  "]).bytes()),
            6 if rng.one_in(4) => text.extend([0x80 | u8::try_from(rng.below(128)).unwrap()]),
            7 if rng.one_in(30) => {
                text.extend(rng.pick(&["\"", "'", "$", "${", "\\", "\r"]).bytes())
            }
            _ => text.extend(
                rng.pick(&["a", "bc", " ", "  ", "7", ";", "=", ",", ":", ".", "@", "[x]", "%"])
                    .bytes(),
            ),
        }
    }
    if rng.one_in(8) {
        text.extend(rng.pick(&[" # said", "#", "  "]).bytes());
    }
}

fn line_end(rng: &mut Rng, text: &mut Vec<u8>) {
    text.extend(rng.pick(&["\n", "\n", "\n", "\r\n", "\n\n"]).bytes());
}

/// One line of a section of extensions; `number` makes its OID its own.
pub(crate) fn extension(rng: &mut Rng, number: usize) -> String {
    let critical = rng.pick(&["", "", "", "critical,", "critical, "]);
    if rng.one_in(2) {
        let asn1 = asn1(rng);
        return format!("1.2.3.{number} = {critical}ASN1:{asn1}");
    }
    let value = match rng.below(9) {
        0 => format!("subjectAltName = {critical}IP:{}", v4(rng)),
        1 | 2 => format!("subjectAltName = {critical}IP:{}", v6(rng)),
        3 => format!("nameConstraints = {critical}permitted;IP:{}/{}", v4(rng), v4(rng)),
        4 => format!("extendedKeyUsage = {critical}{}", oid(rng)),
        5 => format!(
            "keyUsage = {critical}{}",
            list(rng, &["digitalSignature", "cRLSign", "CRL Sign"])
        ),
        6 => format!(
            "subjectAltName = {critical}{}",
            list(rng, &["DNS:a", "URI:b:c", "email.x:d", "RID:1.2"])
        ),
        7 => format!("1.2.3.{number} = {critical}DER:{}", hex(rng)),
        _ => {
            format!("basicConstraints = {critical}CA:{},pathlen:{}", switch(rng), number_text(rng))
        }
    };
    // One section holds each name once only, so the known names take part one at a time.
    value
}

fn asn1(rng: &mut Rng) -> String {
    let mut out = String::new();
    for _ in 0..rng.below(4) {
        out += rng.pick(&[
            "EXP:1",
            "EXPLICIT:2A",
            "IMP:3",
            "IMPLICIT:31P",
            "OCTWRAP",
            "SEQWRAP",
            "SETWRAP",
            "BITWRAP",
            "EXP:9999C",
        ]);
        if rng.one_in(9) {
            out += rng.pick(&["U", "C", "X", " "]);
        }
        out += rng.pick(&[",", ",", " , ", ", "]);
    }
    if rng.one_in(6) {
        out += rng.pick(&["FORMAT:HEX,", "FORMAT:UTF8,", "FORM:BITLIST,", "FORMAT:ASCII,"]);
    }
    let text = |rng: &mut Rng| {
        let part = ["a", "B", "7", " ", "@", "*", "é", "€", ",", ":", "'", "😀"];
        (0..rng.below(5)).map(|_| rng.pick(&part).to_owned()).collect::<String>()
    };
    match rng.below(11) {
        0 => out += &format!("INT:{}", number_text(rng)),
        1 => out += &format!("ENUM:{}", number_text(rng)),
        2 => out += &format!("BOOL:{}", switch(rng)),
        3 => out += &format!("OID:{}", oid(rng)),
        4 => out += &format!("{}:{}", rng.pick(&["UTC", "GENTIME"]), time(rng)),
        5 => out += &format!("{}:{}", rng.pick(&["OCT", "BITSTR"]), hex(rng)),
        6 => out += &format!("BITSTR:{}", rng.pick(&["1", "0,8", "5, 2", "1,1", "x", "", "300"])),
        7 => out += rng.pick(&["NULL", "NULL:", "SEQUENCE:seq", "SET:seq", "SEQ", "SET"]),
        _ => {
            let kinds = [
                "UTF8",
                "IA5",
                "BMP",
                "UNIV",
                "T61",
                "VISIBLE",
                "GENSTR",
                "NUMERIC",
                "PRINTABLE",
                "OCT",
            ];
            out += &format!("{}:{}", rng.pick(&kinds), text(rng));
        }
    }
    out
}

fn v4(rng: &mut Rng) -> String {
    let mut part = || {
        rng.pick(&["0", "1", "10", "255", "256", "007", " 3", "+4", "-0", "1 ", "", "99"])
            .to_owned()
    };
    let mut parts = vec![part(), part(), part(), part()];
    for part in &mut parts {
        if rng.one_in(2) {
            *part = "127".into();
        }
    }
    if rng.one_in(12) {
        parts.push("1".into());
    }
    parts.join(".")
}

fn v6(rng: &mut Rng) -> String {
    let count = rng.below(10);
    let mut out = String::new();
    for at in 0..count {
        if at > 0 {
            out += ":";
        }
        if !rng.one_in(3) {
            out += rng.pick(&["0", "1", "fe80", "00ab", "FFFF", "12345", "g"]);
        }
    }
    if rng.one_in(5) {
        out += ":1.2.3.4";
    }
    if rng.one_in(3) {
        out = format!("::{}", out.trim_start_matches(':'));
    }
    out
}

fn oid(rng: &mut Rng) -> String {
    let mut out = rng
        .pick(&["1.2", "2.5", "0.39", "0.40", "1", "2", "3.1", "1.", "serverAuth", "2 5"])
        .to_owned();
    for _ in 0..rng.below(4) {
        out += rng.pick(&[".", ".", ".", " ", ".."]);
        out += rng.pick(&["0", "1", "127", "128", "0077", "4294967295", "4294967296", "", "x"]);
    }
    out
}

fn list(rng: &mut Rng, parts: &[&str]) -> String {
    let mut out = rng.pick(parts).to_owned();
    for _ in 0..rng.below(4) {
        out += rng.pick(&[",", ", ", " ,", " , ", ",,", ":"]);
        out += rng.pick(parts);
    }
    out
}

fn hex(rng: &mut Rng) -> String {
    (0..rng.below(5))
        .map(|_| rng.pick(&["00", "ff", ":", "a", "3003", "0101:", "Fe", "g"]))
        .collect()
}

fn switch(rng: &mut Rng) -> &'static str {
    rng.pick(&["TRUE", "true", "Y", "yes", "FALSE", "no", "n", "True", "1", "YES "])
}

fn number_text(rng: &mut Rng) -> String {
    let sign = rng.pick(&["", "", "", "-", "+"]);
    let base = rng.pick(&["", "", "0x", "0X", "0"]);
    let digits = (0..rng.below(25)).map(|_| rng.pick(&["0", "1", "8", "9", "7", "f"]));
    let digits: String = digits.filter(|it| *it != "f" || base.len() == 2).collect();
    format!("{sign}{base}{digits}{}", if rng.one_in(15) { "x" } else { "" })
}

fn time(rng: &mut Rng) -> String {
    let mut out = rng.pick(&["", "19", "20", "00", "99"]).to_owned();
    out += rng.pick(&["00", "24", "49", "50", "96", "x1"]);
    out += rng.pick(&["01", "02", "12", "13", "00", "06"]);
    out += rng.pick(&["01", "28", "29", "30", "31", "00", "32"]);
    out += rng.pick(&["00", "23", "24", "12"]);
    out += rng.pick(&["00", "59", "60"]);
    out += rng.pick(&["", "00", "59", "60"]);
    out += rng.pick(&["", "", ".5", ".", ".123"]);
    out + rng.pick(&["Z", "Z", "Z", "", "+0130", "-1200", "+1300", "+01", "z", "ZZ"])
}

/// One line of a subject.
pub(crate) fn attribute(rng: &mut Rng, number: usize) -> String {
    let types = [
        "CN",
        "O",
        "C",
        "serialNumber",
        "emailAddress",
        "DC",
        "title",
        "unstructuredName",
        "dnQualifier",
        "INN",
        "c3",
        "n3",
        "friendlyName",
        "dnsName",
        "mail",
        "name",
        "1.2.3.4",
        "jurisdictionC",
    ];
    let join = if rng.one_in(5) { "+" } else { "" };
    let parts = ["a", "DE", "12", "3", " ", "@", "*", "ä", "€", "😀", "-", "'", "&"];
    let text: String = (0..rng.below(6)).map(|_| rng.pick(&parts)).collect();
    let text = if rng.one_in(20) { text.repeat(30) } else { text };
    format!("{number}.{join}{} = \"{text}\"", rng.pick(&types))
}

/// The settings that decide about string types.
pub(crate) fn texts(rng: &mut Rng) -> String {
    let masks =
        ["default", "nombstr", "pkix", "utf8only", "MASK:2", "MASK:0x2804", "MASK:020", "MASK:-1"];
    let mask =
        if rng.one_in(4) { String::new() } else { format!("string_mask = {}\n", rng.pick(&masks)) };
    format!("{mask}utf8 = {}\n", rng.pick(&["yes", "no", "YES"]))
}
