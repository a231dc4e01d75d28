//! Tests for all formats: no input causes a panic, the same file always gives the same bank, and every
//! imported bank is valid.

use super::*;

/// For each format, a file with two questions.
pub(super) const SAMPLES: [(Format, &str); 7] = [
    (
        Format::Opentdb,
        r#"{"response_code":0,"results":[
        {"type":"multiple","difficulty":"easy","category":"Sea &amp; Sky","question":"Which is &quot;red&quot;?",
         "correct_answer":"Mars","incorrect_answers":["Venus","Earth","Mars"]},
        {"type":"boolean","difficulty":"hard","category":"Sea","question":"Salt?",
         "correct_answer":"True","incorrect_answers":["False"]}]}"#,
    ),
    (
        Format::Table,
        "question,option1,option2,option3,correct,category,difficulty,explanation,timeLimitMs,questionId\n\
         \"Which, \"\"now\"\"?\",x,y,,2,Sea,easy,\"so\nit is\",20000,s-1\nWho?,a,b,c,c,,,,,\n",
    ),
    (
        Format::Gift,
        "// note\n$CATEGORY: top/Sea\n\n::T::[html]<p>Which \\= {=a#yes ~%-50%b ~c####so}?</p>\n\nSo?{F#no#yes}\n",
    ),
    (Format::Aiken, "Which is it?\nA. x\nB) y\nANSWER: B\n\nWho?\nA. a\nB. b\nC. c\nANSWER: C\n"),
    (
        Format::MoodleXml,
        "<?xml version=\"1.0\"?>\n<quiz><question type=\"truefalse\"><name><text>n</text></name>\
         <questiontext format=\"html\"><text>So?</text></questiontext>\
         <answer fraction=\"100\"><text>true</text></answer><answer fraction=\"0\"><text>false</text></answer></question>\
         <question type=\"shortanswer\"><name><text>n</text></name>\
         <questiontext format=\"html\"><text>River?</text></questiontext>\
         <answer fraction=\"100\"><text>Rhine</text></answer></question></quiz>",
    ),
    (
        Format::TriviaApi,
        r#"[{"category":"science","id":"a1","correctAnswer":"Mars","incorrectAnswers":["Venus","Earth"],
          "question":{"text":"Which?"},"type":"text_choice","difficulty":"easy"},
         {"category":"history","id":"a2","correctAnswer":"1066","incorrectAnswers":["1067","1068"],
          "question":{"text":"When?"},"type":"text_choice","difficulty":"hard"}]"#,
    ),
    (Format::OpenTriviaQa, "#Q Which?\n^ x\nA x\nB y\n\n#Q Who?\n^ b\nA a\nB b\nC c\n\n"),
];

pub(super) fn options() -> ImportOptions {
    ImportOptions { quiz_id: "imported".parse().expect("valid"), title: "Imported".to_owned() }
}

fn imported_as(format: Format, bytes: &[u8]) -> ImportResult {
    import(Source { name: None, format: Some(format), bytes }, options())
}

fn told(imported: &ImportResult) -> Vec<String> {
    imported.left_out.iter().map(DraftProblem::to_string).collect()
}

#[test]
fn every_format_gives_a_valid_bank_and_the_same_one_again() {
    for (format, sample) in SAMPLES {
        let first = imported_as(format, sample.as_bytes());
        assert_eq!(told(&first), [""; 0], "{format:?}");
        let marked = format!("\u{feff}{}", sample.replace('\n', "\r\n"));
        let again = imported_as(format, marked.as_bytes());
        assert_eq!(first.file, again.file, "{format:?}");
        assert_eq!(first.count(), 2, "{format:?}");
        let written = serde_json::to_vec(&first.file).expect("a bank is JSON");
        assert!(Bank::parse(&written).is_ok(), "{format:?}");
    }
}

#[test]
fn a_format_is_known_by_what_the_file_holds() {
    for (format, sample) in SAMPLES {
        assert_eq!(format_of(None, sample.as_bytes()), Some(format));
        let file = import(Source { name: None, format: None, bytes: sample.as_bytes() }, options()).file;
        assert_eq!(file, imported_as(format, sample.as_bytes()).file);
    }
}

#[test]
fn only_a_collection_of_one_licence_brings_its_own() {
    let license = |format: Format| {
        let (_, sample) = SAMPLES.into_iter().find(|(known, _)| *known == format).expect("a sample");
        imported_as(format, sample.as_bytes()).file.and_then(|file| file.license)
    };
    assert_eq!(license(Format::Opentdb).as_deref(), Some(opentdb::LICENSE));
    assert_eq!(license(Format::Table), None);
}

#[test]
fn what_was_understood_is_said_in_a_line() {
    let bytes = b"sep=;\nquestion;option1;option2;correct\nK\xf6ln?;Rhein;Elbe;1\nDonau?;Wien;Rom;7\n";
    let imported = imported_as(Format::Table, bytes);
    assert_eq!(imported.summary(), "a table, Windows-1252, semicolons, 1 question, 1 left out");
    assert_eq!(imported.file.expect("one").questions[0].text.as_deref(), Some("Köln?"));
}

#[test]
fn a_hosts_own_questions_are_played_as_they_stand_and_a_collection_is_drawn_from() {
    let defaults = |format: Format| {
        let (_, sample) = SAMPLES.into_iter().find(|(known, _)| *known == format).expect("a sample");
        imported_as(format, sample.as_bytes()).file.and_then(|file| file.defaults)
    };
    let told = defaults(Format::Table).expect("told");
    assert_eq!(
        (told.count, told.order, told.option_order),
        (Some(QuestionCount::All), Some(Order::Bank), Some(Order::Bank))
    );
    assert_eq!(defaults(Format::Gift).and_then(|told| told.option_order), Some(Order::Shuffle));
    assert_eq!(defaults(Format::Opentdb), None);
    let many: String = (0..250).map(|n| format!("Question {n}?,a,b,{}\n", n % 2 + 1)).collect();
    let imported = imported_as(Format::Table, format!("question,option1,option2,correct\n{many}").as_bytes());
    assert_eq!(imported.file.and_then(|file| file.defaults?.count), Some(QuestionCount::Most(200)));
    assert!(imported.warnings[0].message.starts_with("250 questions, and a game has at most 200"));
    let first = |n: usize| format!("Question {n}?,right,wrong,other,1\n");
    let table: String = (0..12).map(first).collect();
    let imported = imported_as(Format::Table, format!("question,option1,option2,option3,correct\n{table}").as_bytes());
    assert_eq!(imported.file.and_then(|file| file.defaults?.option_order), Some(Order::Shuffle));
    assert!(imported.warnings[0].message.starts_with("option 1 is the right one in 12 of 12 questions"));
}

#[test]
fn shares_of_a_file_are_shares_of_the_bank() {
    let scoring = |text: &str| imported_as(Format::Gift, text.as_bytes()).file.and_then(|file| file.scoring);
    assert_eq!(scoring("Gas?{~%50%a ~%50%b ~%-50%c}").map(|scoring| scoring.multiple), Some(Partial::Shares));
    assert_eq!(scoring("Gas?{=a ~b}"), None);
}

#[test]
fn a_file_without_questions_is_told_so() {
    let nothing = ["file: holds no question that can be imported"];
    assert_eq!(told(&imported_as(Format::Aiken, b"\n\n")), nothing);
    assert_eq!(told(&imported_as(Format::Table, b"question,option1,option2,correct\n")), nothing);
    assert!(imported_as(Format::Opentdb, br#"{"results": []}"#).file.is_none());
    let pdf = import(Source { name: None, format: None, bytes: b"%PDF-1.7\n" }, options());
    assert_eq!(told(&pdf), ["file: it is a PDF, and holds no text; save it as a table or a text"]);
    let letter = import(Source { name: Some("letter.txt"), format: None, bytes: b"Dear teacher," }, options());
    assert!(told(&letter)[0].starts_with("file: it is none of the formats"));
}

#[test]
fn one_broken_question_does_not_keep_the_others_out() {
    let long = "x".repeat(4097);
    let text = format!("Why?\nA. a\nB. b\nANSWER: A\n\n{long}\nA. a\nB. b\nANSWER: A\n\nWho?\nA. a\nB. b\nANSWER: B\n");
    let imported = imported_as(Format::Aiken, text.as_bytes());
    assert_eq!(told(&imported), ["line 6: text: 4097 bytes, at most 4096"]);
    assert_eq!(imported.count(), 2);
}

#[test]
fn a_banks_name_is_made_of_a_files() {
    let named =
        |name: &str| ImportOptions::named_after(Path::new(name)).map(|options| options.quiz_id.to_string()).ok();
    assert_eq!(named("Sea & Sky (1).csv").as_deref(), Some("sea-sky-1"));
    assert_eq!(named("Größe_é.xlsx").as_deref(), Some("groesse-e"));
    assert_eq!(named("---.csv"), None);
}
