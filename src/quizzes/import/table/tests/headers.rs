//! Tests of separators, headers, and tables without a header.

use proptest::prelude::*;

use super::*;
use crate::domain::Difficulty;

#[test]
fn any_separator_is_found() {
    for (separator, name) in [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "pipes")] {
        let text = "question,option1,option2,correct\nWhich river?,Rhein,Elbe,1\n".replace(',', separator);
        assert_eq!(asked(&item(&text)).1, ["Rhein"]);
        assert_eq!(read_text(&text).understood, [name]);
    }
    let commas = "Frage;Antwort A;Antwort B;Richtig\nA, B, C, D oder E?;ja, gern;nein, danke;B\n";
    assert_eq!(asked(&item(commas)), ("A, B, C, D oder E?", vec!["nein, danke"]));
}

#[test]
fn excel_s_line_names_the_separator() {
    let text = "sep=;\nquestion;option1;option2;correct\nWhich river?;Rhein;Elbe;1\n";
    let item = item(text);
    assert_eq!((asked(&item).1, item.place.as_str()), (vec!["Rhein"], "line 3"));
    assert_eq!(read_text(text).understood, ["semicolons"]);
    let text = "\"sep=^\"\nquestion^option1^option2^correct\nWhich, river?^Rhein^Elbe^2\n";
    assert_eq!(asked(&super::item(text)).1, ["Elbe"]);
    assert_eq!(read_text(text).understood, ["'^' between cells"]);
}

#[test]
fn every_column_is_read() {
    let text = "ID,Kategorie,Frage,Antwort A,Antwort B,Richtige Antwort,Schwierigkeit,Erklärung,Zeitlimit (Sek.),Bild,\
        Bildbeschreibung,Punkte,Typ\n\
        n-1,Flüsse,Welcher Fluss?,Rhein,Elbe,A,leicht,\"Mitten\ndurch\",1 min,rhein.jpg,Ein Fluss,2,Auswahl\n";
    let asked = ItemKind::Choice { options: vec!["Rhein".to_owned(), "Elbe".to_owned()], right: 0, in_order: true };
    let expected = Item {
        id: "n-1".parse().ok(),
        category: Some("Flüsse".to_owned()),
        difficulty: Some(Difficulty::Easy),
        explanation: Some("Mitten\ndurch".to_owned()),
        time_limit_ms: Some(60_000),
        image: Some("rhein.jpg".to_owned()),
        alt: Some("Ein Fluss".to_owned()),
        points: Some(number("2")),
        ..Item::new("line 2".to_owned(), "Welcher Fluss?".to_owned(), asked)
    };
    assert_eq!(item(text), expected);
}

#[test]
fn a_time_is_in_milliseconds_only_if_its_column_says_so() {
    for (name, cell, milliseconds) in [
        ("timeLimitMs", "15000", 15_000),
        ("timeLimit", "15", 15_000),
        ("Time", "00:20", 20_000),
        ("Minutes", "1", 60_000),
    ] {
        let text = format!("question,a,b,correct,{name}\nWhich?,x,y,1,{cell}\n");
        assert_eq!(item(&text).time_limit_ms, Some(milliseconds), "{name}");
    }
}

#[test]
fn what_cannot_be_read_beside_a_question_is_told_and_left_out() {
    let cases = [
        ("difficulty", "tough", "difficulty \"tough\" is none of easy, medium, hard; it was left out"),
        ("time", "fast", "time limit \"fast\" is no time; write seconds, such as 20; it was left out"),
        (
            "time",
            "20000",
            "time limit \"20000\" may be seconds or milliseconds; write the unit, such as 20 s; it was left out",
        ),
        (
            "points",
            "5",
            "the column of points is not read: points are a factor here, 1 as usual and 2 for twice as many; write 0 \
             to 3, or name the column \"factor\" for 0 to 10",
        ),
        ("factor", "50", "points \"50\" is no factor from 0 to 10; it was left out"),
        ("maxTypos", "some", "maxTypos \"some\" is no number; it was left out"),
        ("no bonus", "some", "noSpeedBonus \"some\" is neither yes nor no; it was left out"),
    ];
    for (name, cell, message) in cases {
        let found = read_text(&format!("question,a,b,correct,{name}\nWhich?,x,y,1,{cell}\n"));
        assert_eq!((found.items.len(), told(&found)), (1, vec![format!("line 2: {message}")]));
    }
}

#[test]
fn how_a_text_is_judged_can_stand_beside_it() {
    let item = item("Frage,Antwort,Art,Tippfehler,Akzente egal,kein Bonus\nWelcher?,Rhône,Text,1,ja,x\n");
    assert_eq!((item.max_typos, item.ignore_accents, item.no_speed_bonus), (Some(1), Some(true), Some(true)));
}

#[test]
fn columns_beside_letters_need_no_name_if_they_make_sense() {
    let text = "A title,,,,\nno,,a,b,c,\n1,Which?,x,y,z,b\n2,Who?,v,w,u,C\n";
    let found = read_text(text);
    assert_eq!(found.items.iter().map(asked).collect::<Vec<_>>(), [("Which?", vec!["y"]), ("Who?", vec!["u"])]);
    assert_eq!(
        told(&found),
        ["line 2: only the options have names; the column before them was read as the question and the one behind \
          them as what is right; better name them \"question\" and \"correct\""]
    );
    for text in [
        "no,,a,b,c,\n1,Which?,x,y,z,so\n2,Who?,v,w,u,so\n",
        "no,note,a,b,c,\n1,Which?,x,y,z,b\n2,Who?,v,w,u,c\n",
        ",1,2,3,\nWhich?,x,y,z,2\nWho?,v,w,u,1\n",
    ] {
        let of_letters = |message: &String| message.contains("only the options have names");
        assert!(!told(&read_text(text)).iter().any(of_letters), "{text}");
    }
}

#[test]
fn a_header_without_rows_is_told() {
    let found = read_text("question,option1,option2,correct\n");
    assert_eq!(found.understood, ["commas", "no rows under the header"]);
}

#[test]
fn columns_that_are_not_read_are_named() {
    let found = read_text("question,option1,option2,correct,notes,author,Correct answer\nWhich?,x,y,1,by Ann,Ann,2\n");
    assert_eq!(
        told(&found),
        [
            "line 1: columns \"notes\", \"author\" are not read",
            "line 1: column \"Correct answer\" is not read, because another column means the same"
        ]
    );
    assert_eq!(asked(&found.items[0]).1, ["x"]);
    let found = read_text("question,option1,option2,correct,\nWhich?,x,y,1,by Ann\n");
    assert_eq!(told(&found), ["line 2: column 5 has no name and is not read"]);
    assert_eq!(found.items.len(), 1);
}

#[test]
fn a_single_answer_column_says_what_is_right() {
    assert_eq!(asked(&item("Question,A,B,C,Answer\nWhich?,x,y,z,B\n")).1, ["y"]);
    assert_eq!(asked(&item("Question,Answer,Answer,Correct\nWhich?,x,y,2\n")).1, ["y"]);
    assert_eq!(answers(&item("Question,Answer,Wrong 1,Wrong 2\nWhich?,x,y,z\n")).0, ["x", "y", "z"]);
}

#[test]
fn options_can_stand_in_one_cell_or_under_one_name() {
    assert_eq!(answers(&item("Question,Options,Answer\nWhich?,x|y|z,y\n")), (vec!["x", "y", "z"], vec![1]));
    assert_eq!(answers(&item("Question,Options,Answer\nWhich?,\"x\ny, z\",2\n")), (vec!["x", "y, z"], vec![1]));
    assert_eq!(answers(&item("Question,Options,,,Correct\nWhich?,x,y,z,3\n")), (vec!["x", "y", "z"], vec![2]));
}

#[test]
fn without_a_header_the_usual_columns_are_read_if_that_makes_sense() {
    let found = read_text("Which river?,Rhein,Elbe,Oder,1\nWhich sea?,Dead Sea,Red Sea,Dead Sea\nHow many?,3,4,5,4\n");
    assert_eq!(found.items.iter().map(|item| asked(item).1).collect::<Vec<_>>(), [["Rhein"], ["Dead Sea"], ["4"]]);
    assert_eq!(
        told(&found),
        ["line 1: no row names the columns; they were read as \"question,option1,option2,option3,correct\"; better \
          write that row above the questions"]
    );
}

#[test]
fn without_a_header_nothing_is_read_if_that_makes_no_sense() {
    let hint = "line 1: no row names the columns, so nothing can be read; write a row above the questions that does, \
                such as \"question;option1;option2;option3;option4;correct\"";
    for text in ["Which river?;Rhein;Elbe;Oder\n", "How many?;4;3;2;1\n", "a;b\nc;d\n", "Rhein;Elbe\n"] {
        let found = read_text(text);
        assert_eq!((found.items.len(), told(&found)), (0, vec![hint.to_owned()]), "{text}");
    }
    assert_eq!(told(&read_text("")), Vec::<String>::new());
}

#[test]
fn a_header_in_words_that_are_not_known_is_left_out() {
    let found = read_text("Wobble,Xyz 1,Xyz 2,Bestest\nWhich river?,Rhein,Elbe,1\n");
    assert_eq!(asked(&found.items[0]).1, ["Rhein"]);
    assert_eq!((found.left_out.len(), found.warnings.len()), (1, 1));
    assert!(found.left_out[0].message.contains("\"Bestest\" is to be right"));
}

#[test]
fn a_header_can_be_in_many_languages() {
    for header in [
        "Thème,Question,A,B,C,Réponse",
        "theme,question,reponseA,reponseB,reponseC,bonne_reponse",
        "Categoría,Pregunta,Opción 1,Opción 2,Opción 3,Respuesta correcta",
        "Tema,Pergunta,Alternativa A,Alternativa B,Alternativa C,Resposta certa",
        "Categoria,Domanda,Risposta A,Risposta B,Risposta C,Risposta corretta",
        "Onderwerp,Vraag,Antwoord A,Antwoord B,Antwoord C,Juiste antwoord",
        "Kategoria,Pytanie,Odpowiedź A,Odpowiedź B,Odpowiedź C,Poprawna odpowiedź",
        "Kategori,Soal,Pilihan A,Pilihan B,Pilihan C,Jawaban Benar",
        "Категория,Вопрос,Вариант 1,Вариант 2,Вариант 3,Правильный ответ",
        "类别,题目,选项A,选项B,选项C,正确答案",
        "カテゴリ,問題,選択肢1,選択肢2,選択肢3,正解",
        "분류,문제,보기1,보기2,보기3,정답",
        "Chủ đề,Câu hỏi,Đáp án A,Đáp án B,Đáp án C,Đáp án đúng",
        "Konu,Soru,Seçenek A,Seçenek B,Seçenek C,Doğru cevap",
    ] {
        let item = item(&format!("{header}\nrivers,Which?,x,y,z,2\n"));
        assert_eq!((item.category.as_deref(), asked(&item)), (Some("rivers"), ("Which?", vec!["y"])), "{header}");
    }
}

#[test]
fn the_right_answer_can_come_first_in_many_languages() {
    for header in [
        "Question,Bonne réponse,Mauvaise réponse 1,Mauvaise réponse 2",
        "Pregunta,Respuesta correcta,Respuesta incorrecta 1,Respuesta incorrecta 2",
        "Pergunta,Opção Correta,Opção Errada 1,Opção Errada 2",
        "Nội dung câu hỏi,Đáp án đúng,Đáp án sai 1,Đáp án sai 2",
        "문제(질문),정답,오답1,오답2",
    ] {
        let item = item(&format!("{header}\nWhich?,x,y,z\n"));
        let options = ["x", "y", "z"].map(str::to_owned).to_vec();
        assert_eq!(item.asked, ItemKind::Choice { options, right: 0, in_order: false }, "{header}");
    }
}

#[test]
fn a_title_is_no_question_if_there_is_another() {
    let found = read_text("Question Name,Question Text,Question Answers,Correct\nQ 1,Which?,x;y,y\n");
    assert_eq!(asked(&found.items[0]), ("Which?", vec!["y"]));
    assert_eq!(asked(&item("Question Title,a,b,Correct\nWhich?,x,y,b\n")), ("Which?", vec!["y"]));
}

#[test]
fn beside_options_the_first_answer_says_what_is_right() {
    let found = read_text("question,A,B,answer,answerText\nWhich?,x,y,B,y\n");
    assert_eq!(asked(&found.items[0]).1, ["y"]);
}

#[test]
fn an_option_that_is_named_twice_is_counted_or_nothing_is_read() {
    let found = read_text("question,option1,option2,option4,option4,correct\nWhich?,w,x,y,z,3\n");
    assert_eq!(answers(&found.items[0]), (vec!["w", "x", "y", "z"], vec![2]));
    assert_eq!(told(&found), ["line 1: two columns are option 4; the options were counted from left to right"]);
    for (header, message) in [
        ("option1,option2,option2,option3", "two columns are option 2; give every option a number of its own"),
        ("wrong1,wrong2,right,2", "column 5 is named \"2\" and nothing else; give it a name that says what it holds"),
    ] {
        let found = read_text(&format!("question,{header},correct\nWhich?,w,x,y,z,3\n"));
        assert_eq!((found.items.len(), told(&found)), (0, vec![format!("line 1: {message}")]));
    }
}

#[test]
fn a_refused_file_says_which_column_would_help() {
    let found = read_text("Question,Difficulty\nIs it?,Easy\n");
    assert_eq!(
        told(&found),
        ["line 1: columns \"Question\", \"Difficulty\" are there, and none of them holds what is right; name that \
          column \"correct\", and the options \"option1\", \"option2\" …"]
    );
}

#[test]
fn without_a_header_numbers_and_times_are_no_options() {
    for text in [
        "1,Which river?,Rhein,Elbe,20,2\n2,Which sea?,Red Sea,Dead Sea,20,2\n",
        "1.0,Which river?,Rhein,Elbe,20 seconds,2.0\n2.0,Which sea?,Red Sea,Dead Sea,30 seconds,2.0\n",
    ] {
        let found = read_text(text);
        assert_eq!(asked(&found.items[0]), ("Which river?", vec!["Elbe"]));
        assert_eq!((found.items.len(), found.items[0].time_limit_ms), (2, Some(20_000)));
        assert!(told(&found)[0].contains("number,question,option1,option2,time,correct"));
    }
    let found = read_text("select,Which river?,Rhein,Elbe,Elbe\nselect,Which sea?,Red,Dead,Dead\nselect,Who?,x,y,y\n");
    assert_eq!(found.items.len(), 0);
}

#[test]
fn a_separator_in_the_last_column_is_part_of_an_explanation() {
    let header = "question;A;B;correct;explanation\n";
    let items = items(&format!("{header}Which?;Rhein;Elbe;B;So, or so; who knows\n"));
    assert_eq!((asked(&items[0]).1, items[0].explanation.as_deref()), (vec!["Elbe"], Some("So, or so; who knows")));
    for row in ["Which; or who?;Rhein;Elbe;B;x", "Which?;Rhein;Elbe;2;x;y", "Which?;A;B;B;x;y"] {
        assert_eq!(read_text(&format!("{header}{row}\n")).items.len(), 0, "{row}");
    }
}

#[test]
fn a_header_that_stands_twice_is_no_question() {
    let text = "question,option1,option2,correct\nWhich?,x,y,1\nquestion,option1,option2,correct\nWho?,x,y,2\n";
    assert_eq!(items(text).len(), 2);
}

#[test]
fn numbers_that_count_from_0_are_told() {
    let found = read_text("question,option1,option2,option3,correctIndex\nWhich?,x,y,z,0\nWho?,x,y,z,2\n");
    assert_eq!(found.items.iter().map(|item| asked(item).1).collect::<Vec<_>>(), [["x"], ["z"]]);
    assert_eq!(told(&found), ["line 2: the numbers of right options count from 0 here: 0 is the first option"]);
    let found = read_text("question,option1,option2,option3,correct\nWhich?,x,y,z,0\nWho?,x,y,z,3\n");
    assert_eq!((found.items.len(), found.left_out.len()), (0, 2));
    assert!(told(&found)[0].contains("some rows count the options from 0 and some from 1"));
    let found = read_text("question,option1,option2,option3,correctIndex\nWhich?,x,y,z,1\n");
    assert_eq!(
        told(&found),
        ["line 2: nothing tells whether the numbers of right options count from 0 or 1; they were counted from 1"]
    );
}

#[test]
fn many_columns_and_many_rows_are_read_in_linear_time() {
    let text = format!("question,correct{}\n{}", ",".repeat(20_000), "Which?,TRUE\n".repeat(20_000));
    assert_eq!(items(&text).len(), 20_000);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(
        text in "(question|option1|A|correct|kind|time|points|[a-z0-9\"'*<>/éß.:+-]{0,3}|[,;|\t\n\" ]){0,60}",
    ) {
        read_text(&text);
    }

    #[test]
    fn any_cells_are_read_without_a_panic(
        kind in "text|number|order|poll|tf|multiple|choice|x|",
        cells in proptest::collection::vec("[^,\n\"]{0,6}|[0-9.,:±+-]{0,5}|TRUE|sec", 9),
    ) {
        let header = "question,kind,a,b,correct,time,difficulty,points,Option 3 correct,c";
        let row: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let found = read_text(&format!("{header}\nQ,{kind},{}\n", row.join(",")));
        prop_assert!(found.items.len() + found.left_out.len() <= 1);
    }
}
