//! The names that people use for kinds of questions.

use super::names::letters;

/// The kinds that a table can request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    /// A choice with one right option, or with several if `correct` names several.
    Choice,
    /// Several options may be right.
    Multiple,
    /// The options are True and False.
    TrueOrFalse,
    /// The player types a text.
    Text,
    /// The player types a text, and often there is no right answer.
    OpenEnded,
    /// The player types a number.
    Number,
    /// The player puts options in order.
    Order,
    /// A poll, without a right answer.
    Poll,
    /// A kind that is known but not supported.
    Other,
}

/// The names of each kind, as written by [`letters`]: lower case, without blanks and dashes.
const KINDS: &[(TableKind, &str)] = &[
    (
        TableKind::Choice,
        "choice singlechoice multiplechoice mc mcq sc single singleanswer singleselect singleselection quiz radio \
         dropdown select auswahl einfachauswahl einzelauswahl multiplechoicesingle multiplechoiceoneanswer \
         multiplechoicequestion auswahlfrage multichoice textchoice choixunique choixmultiple qcm \
         opcionmultiple seleccionmultiple multiplaescolha sceltamultipla meerkeuze wielokrotnegowyboru pilihanganda \
         选择题 单选 单选题 選擇題 単一選択 객관식 tracnghiem coktansecmeli",
    ),
    (
        TableKind::Multiple,
        "multiple checkbox checkboxes multi multipleanswer multipleanswers multipleselect multipleselection \
         multipleresponse multiplecorrect multiselect multiplechoicemultiple msq mr mehrfachauswahl mehrfachantwort \
         mehrfach mehrfachnennung 多选 多选题 複数選択",
    ),
    (
        TableKind::TrueOrFalse,
        "truefalse trueorfalse tf tof boolean bool yesno yesorno wahrfalsch wahroderfalsch richtigfalsch \
         richtigoderfalsch janein jaodernein truefalsequestion \
         vraifaux verdaderofalso verdaderoofalso verdadeirofalso verdadeirooufalso verofalso waaronwaar prawdafalsz \
         benarsalah 判断题 判断 ox dungsai dogruyanlis",
    ),
    (
        TableKind::Text,
        "text shortanswer short shorttext fillintheblank fillintheblanks fillinblank fillintheblankquestion fillin \
         fib blank blanks typeanswer typedanswer typetheanswer typein typing textinput textentry input freetext \
         identification cloze freitext kurzantwort kurzantwortfrage lueckentext luecke texteingabe eingabe fillblank reponsecourte respuestacorta respostacurta rispostabreve \
         isian isiansingkat 填空题 填空 記述 주관식 단답형",
    ),
    (
        TableKind::OpenEnded,
        "openended open openendedquestion openquestion openanswer essay paragraph longanswer longtext offen \
         offenefrage aufsatz wordcloud brainstorm wortwolke",
    ),
    (
        TableKind::Number,
        "number numeric numerical numericanswer numericalanswer numericresponse integer decimal estimate slider zahl \
         zahlen numerisch zahlenfrage schaetzfrage schaetzen zahleneingabe",
    ),
    (
        TableKind::Order,
        "order ordering orderquestion sort sorting reorder rank ranking sequence sequencing puzzle jumble \
         reihenfolge sortieren sortierung ordnen anordnen sortierfrage",
    ),
    (TableKind::Poll, "poll survey opinion vote voting umfrage abstimmung meinung stimmungsbild"),
    (
        TableKind::Other,
        "draw drawing match matching pairs categorize categorise classification draganddrop dragdrop hotspot labeling \
         labelling graphing passage comprehension slide content video videoresponse audio audioresponse fileupload \
         upload pin droppin zuordnung zuordnen hotspotfrage",
    ),
];

impl TableKind {
    /// The kind that a cell names. `None` if the name is unknown.
    pub(super) fn parse(cell: &str) -> Option<Self> {
        let word = letters(cell);
        KINDS.iter().find(|(_, words)| words.split(' ').any(|known| known == word)).map(|(kind, _)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_many_names() {
        let cases = [
            ("Multiple Choice", TableKind::Choice),
            ("MULTIPLE_CHOICE", TableKind::Choice),
            ("Checkbox", TableKind::Multiple),
            ("True/False", TableKind::TrueOrFalse),
            ("wahr/falsch", TableKind::TrueOrFalse),
            ("Fill-in-the-Blank", TableKind::Text),
            ("short answer", TableKind::Text),
            ("Lückentext", TableKind::Text),
            ("Open-Ended", TableKind::OpenEnded),
            ("numeric", TableKind::Number),
            ("Schätzfrage", TableKind::Number),
            ("Ordering", TableKind::Order),
            ("Umfrage", TableKind::Poll),
        ];
        for (word, kind) in cases {
            assert_eq!(TableKind::parse(word), Some(kind), "{word}");
        }
        assert_eq!(TableKind::parse("Vrai/Faux"), Some(TableKind::TrueOrFalse));
        assert_eq!(TableKind::parse("Draw"), Some(TableKind::Other));
        assert_eq!(TableKind::parse("Geography"), None);
    }
}
