//! What holds for every format: nothing panics, the same file gives the same bank, and whatever is
//! imported is a valid bank.

use proptest::prelude::*;

use super::*;

const FORMATS: [(Format, &str); 4] = [
    (
        Format::Opentdb,
        r#"{"response_code":0,"results":[
        {"type":"multiple","difficulty":"easy","category":"Sea &amp; Sky","question":"Which is &quot;red&quot;?",
         "correct_answer":"Mars","incorrect_answers":["Venus","Earth","Mars"]},
        {"type":"boolean","difficulty":"hard","category":"Sea","question":"Salt?",
         "correct_answer":"True","incorrect_answers":["False"]}]}"#,
    ),
    (
        Format::Csv,
        "question,option1,option2,option3,correct,category,difficulty,explanation,timeLimitMs,questionId\n\
         \"Which, \"\"now\"\"?\",x,y,,2,Sea,easy,\"so\nit is\",20000,s-1\nWho?,a,b,c,c,,,,,\n",
    ),
    (
        Format::Gift,
        "// note\n$CATEGORY: top/Sea\n\n::T::[html]<p>Which \\= {=a#yes ~%-50%b ~c####so}?</p>\n\nSo?{F#no#yes}\n\nMatch {=a -> b}\n",
    ),
    (Format::Aiken, "Which\nis it?\nA. x\nB) y\nANSWER: B\n\nWho?\nA. a\nB. b\nC. c\nANSWER: C\n"),
];

fn options() -> Options {
    Options {
        quiz_id: "imported".parse().expect("valid"),
        title: "Imported".to_owned(),
        description: None,
        license: None,
        play: None,
    }
}

fn told(format: Format, bytes: &[u8]) -> Vec<String> {
    let problems = import(format, bytes, options()).expect_err("something is wrong");
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn every_format_gives_a_valid_bank_and_the_same_one_again() {
    for (format, sample) in FORMATS {
        let first = import(format, sample.as_bytes(), options()).expect("nothing is wrong");
        let marked = format!("\u{feff}{}", sample.replace('\n', "\r\n"));
        let again = import(format, marked.as_bytes(), options()).expect("nothing is wrong");
        assert_eq!(first.file, again.file, "{format:?}");
        assert_eq!(first.file.questions.len(), 2, "{format:?}");
        let written = serde_json::to_vec(&first.file).expect("a bank is JSON");
        assert!(Bank::parse(&written).is_ok(), "{format:?}");
    }
}

#[test]
fn only_the_database_of_one_licence_brings_its_own() {
    let license = |(format, sample): (Format, &str)| {
        import(format, sample.as_bytes(), options()).expect("nothing is wrong").file.license
    };
    assert_eq!(license(FORMATS[0]).as_deref(), Some(opentdb::LICENSE));
    assert_eq!(license(FORMATS[1]), None);
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_line() {
    for (format, _) in FORMATS {
        let told = told(format, b"Which?\nA. caf\xe9");
        assert_eq!(told, ["line 2: byte 7 of the line, 0xe9, is not UTF-8; save the file as UTF-8"], "{format:?}");
    }
}

#[test]
fn a_file_without_questions_is_told_so() {
    let nothing = ["file: holds no question that can be imported"];
    assert_eq!(told(Format::Csv, b""), nothing);
    assert_eq!(told(Format::Aiken, b"\n\n"), nothing);
    assert_eq!(told(Format::Opentdb, br#"{"results": []}"#), nothing);
    assert_eq!(told(Format::Gift, b"Why? {}"), ["line 1: an essay question is skipped", nothing[0]]);
}

#[test]
fn what_a_bank_cannot_hold_is_told_at_its_line() {
    let long = "x".repeat(4097);
    let cases = [
        (
            format!("Why?\nA. a\nB. b\nANSWER: A\n\n{long}\nA. a\nB. b\nANSWER: A"),
            "line 6: text: 4097 bytes, at most 4096",
        ),
        (format!("Which?\nA. a\nB. {long}\nANSWER: A"), "line 1: an option: 4097 bytes, at most 4096"),
        ("Which?\nA.\nB. b\nANSWER: B".to_owned(), "line 1: an option is empty"),
        ("Which?\nA. b\nB. b\nANSWER: B".to_owned(), "line 1: fewer than 2 different options"),
    ];
    for (text, problem) in cases {
        assert_eq!(told(Format::Aiken, text.as_bytes()), [problem]);
    }
    let options_of = |n: u8| (0..n).map(|n| format!("{}. {n}\n", char::from(b'A' + n))).collect::<String>();
    let many = format!("Which?\n{}ANSWER: A", options_of(13));
    assert_eq!(told(Format::Aiken, many.as_bytes()), ["line 1: options: at most 12"]);
    let twice = b"question,option1,option2,correct,questionId\nWhich?,a,b,1,q\nWhat?,a,b,1,q";
    assert_eq!(told(Format::Csv, twice), ["line 3: questionId: \"q\" stands here a second time"]);
}

/// Nothing panics, and what comes out is valid.
fn holds(format: Format, bytes: &[u8]) -> Result<(), TestCaseError> {
    match import(format, bytes, options()) {
        Ok(imported) => prop_assert!(Bank::check(imported.file).is_ok()),
        Err(problems) => prop_assert!(!problems.is_empty()),
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_make_an_importer_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (format, _) in FORMATS {
            holds(format, &bytes)?;
        }
    }

    #[test]
    fn no_text_out_of_their_signs_makes_an_importer_panic(text in r#"([ABq12{}=~#%:.)\\n\n",;/$<>&é-]|TRUE|ANSWER:|\n\n|####|::|->){0,60}"#) {
        for (format, _) in FORMATS {
            holds(format, text.as_bytes())?;
            let under_a_header = format!("question,option1,optionB,correct\n{text}");
            holds(format, under_a_header.as_bytes())?;
        }
    }

    #[test]
    fn no_mangled_file_makes_an_importer_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize, prop::collection::vec(any::<u8>(), 0..3)), 1..6),
    ) {
        for (format, sample) in FORMATS {
            let mut bytes = sample.as_bytes().to_vec();
            for (at, length, instead) in &cuts {
                let at = at.index(bytes.len());
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, instead.iter().copied());
                if bytes.is_empty() { break }
            }
            holds(format, &bytes)?;
        }
    }
}
