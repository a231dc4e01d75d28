//! The words that people write for a kind of question.

use super::names::letters;

/// The kinds that a table can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One option is right; several if `correct` names several.
    Choice,
    /// Several options can be right.
    Multiple,
    /// True or false.
    TrueOrFalse,
    /// A text is typed.
    Text,
    /// A text is typed, and often nothing is right.
    OpenEnded,
    /// A number is typed.
    Number,
    /// Things are put in order.
    Order,
    /// Nothing is right.
    Poll,
    /// Something that can't be asked here.
    Other,
}

/// The words without blanks and dashes.
const KINDS: &[(Kind, &str)] = &[
    (
        Kind::Choice,
        "choice singlechoice multiplechoice mc mcq sc single singleanswer singleselect singleselection quiz radio \
         dropdown select auswahl einfachauswahl einzelauswahl multiplechoicesingle multiplechoiceoneanswer \
         multiplechoicequestion auswahlfrage multichoice textchoice choixunique choixmultiple qcm \
         opcionmultiple seleccionmultiple multiplaescolha sceltamultipla meerkeuze wielokrotnegowyboru pilihanganda \
         选择题 单选 单选题 選擇題 単一選択 객관식 tracnghiem coktansecmeli",
    ),
    (
        Kind::Multiple,
        "multiple checkbox checkboxes multi multipleanswer multipleanswers multipleselect multipleselection \
         multipleresponse multiplecorrect multiselect multiplechoicemultiple msq mr mehrfachauswahl mehrfachantwort \
         mehrfach mehrfachnennung 多选 多选题 複数選択",
    ),
    (
        Kind::TrueOrFalse,
        "truefalse trueorfalse tf tof boolean bool yesno yesorno wahrfalsch wahroderfalsch richtigfalsch \
         richtigoderfalsch janein jaodernein truefalsequestion \
         vraifaux verdaderofalso verdaderoofalso verdadeirofalso verdadeirooufalso verofalso waaronwaar prawdafalsz \
         benarsalah 判断题 判断 ox dungsai dogruyanlis",
    ),
    (
        Kind::Text,
        "text shortanswer short shorttext fillintheblank fillintheblanks fillinblank fillintheblankquestion fillin \
         fib blank blanks typeanswer typedanswer typetheanswer typein typing textinput textentry input freetext \
         identification cloze freitext kurzantwort kurzantwortfrage lueckentext luecke texteingabe eingabe fillblank reponsecourte respuestacorta respostacurta rispostabreve \
         isian isiansingkat 填空题 填空 記述 주관식 단답형",
    ),
    (
        Kind::OpenEnded,
        "openended open openendedquestion openquestion openanswer essay paragraph longanswer longtext offen \
         offenefrage aufsatz wordcloud brainstorm wortwolke",
    ),
    (
        Kind::Number,
        "number numeric numerical numericanswer numericalanswer numericresponse integer decimal estimate slider zahl \
         zahlen numerisch zahlenfrage schaetzfrage schaetzen zahleneingabe",
    ),
    (
        Kind::Order,
        "order ordering orderquestion sort sorting reorder rank ranking sequence sequencing puzzle jumble \
         reihenfolge sortieren sortierung ordnen anordnen sortierfrage",
    ),
    (Kind::Poll, "poll survey opinion vote voting umfrage abstimmung meinung stimmungsbild"),
    (
        Kind::Other,
        "draw drawing match matching pairs categorize categorise classification draganddrop dragdrop hotspot labeling \
         labelling graphing passage comprehension slide content video videoresponse audio audioresponse fileupload \
         upload pin droppin zuordnung zuordnen hotspotfrage",
    ),
];

impl Kind {
    /// The kind that a cell names.
    pub(super) fn parse(cell: &str) -> Option<Self> {
        let word = letters(cell);
        KINDS.iter().find(|(_, words)| words.split(' ').any(|known| known == word)).map(|(kind, _)| *kind)
    }
}

const TRUE: &str = "true t yes correct right wahr richtig ja korrekt vrai oui verdadero si verdadeiro sim vero waar \
    prawda tak benar правда верно да так 正确 正確 对 對 正しい はい 참 예 dung dogru evet pravda ano sant";
const FALSE: &str = "false f no incorrect wrong falsch nein unwahr faux non falso nao onwaar nee falsz nie salah ложь \
    неверно нет неправда ні 错误 錯誤 错 錯 誤り いいえ 거짓 아니오 sai yanlis hayir nepravda ne falskt";

/// Whether a word says true or false.
pub(super) fn truth(word: &str) -> Option<bool> {
    let word = letters(word);
    let is_one_of = |words: &str| words.split(' ').any(|known| known == word);
    match (is_one_of(TRUE), is_one_of(FALSE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Whether a word or its first letter says true or false, where nothing else can be meant.
pub(super) fn truth_or_letter(word: &str) -> Option<bool> {
    match letters(word).as_str() {
        "y" | "w" | "r" | "j" | "1" => Some(true),
        "n" | "0" => Some(false),
        _ => truth(word),
    }
}

/// Whether a mark beside an option says that it is right.
pub(super) fn mark(cell: &str) -> Option<bool> {
    match cell.trim() {
        "" | "0" | "-" | "–" => Some(false),
        "1" | "x" | "X" | "✓" | "✔" | "*" => Some(true),
        word => truth(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_many_names() {
        let cases = [
            ("Multiple Choice", Kind::Choice),
            ("MULTIPLE_CHOICE", Kind::Choice),
            ("Checkbox", Kind::Multiple),
            ("True/False", Kind::TrueOrFalse),
            ("wahr/falsch", Kind::TrueOrFalse),
            ("Fill-in-the-Blank", Kind::Text),
            ("short answer", Kind::Text),
            ("Lückentext", Kind::Text),
            ("Open-Ended", Kind::OpenEnded),
            ("numeric", Kind::Number),
            ("Schätzfrage", Kind::Number),
            ("Ordering", Kind::Order),
            ("Umfrage", Kind::Poll),
        ];
        for (word, kind) in cases {
            assert_eq!(Kind::parse(word), Some(kind), "{word}");
        }
        assert_eq!(Kind::parse("Vrai/Faux"), Some(Kind::TrueOrFalse));
        assert_eq!(Kind::parse("Draw"), Some(Kind::Other));
        assert_eq!(Kind::parse("Geography"), None);
    }

    #[test]
    fn true_and_false_are_said_in_many_languages() {
        for word in ["TRUE", "T", "wahr", "Richtig", "ja", "Vrai", "Verdadero", "Prawda", "Да", "正确"] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in ["False", "f", "falsch", "nein", "Faux", "Falso", "Fałsz", "Нет", "错误"] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        assert_eq!(truth("1"), None);
        assert_eq!((mark("x"), mark(""), mark("Rhein")), (Some(true), Some(false), None));
    }
}
