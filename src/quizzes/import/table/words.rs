//! The words that people use for column names, by meaning. Each line is a language.
//!
//! All words are written as `names::letters` returns them: lower case without accents and blanks, `ae` for
//! `ä`. To support another language, add a line to each list.

use super::names::{Column, TimeUnit};

/// Names that are a column's whole name.
pub(super) const NAMES: &[(Column, &[&str])] = &[
    (
        Column::RowNumber,
        &[
            "nr no num number index row sno srno pos position questionnumber",
            "nummer zeile lfdnr laufendenummer",
            "numero numeroquestion numerodepregunta numerodapergunta",
            "lp numer nomor номер 序号 序號 编号 編號 番号 번호 stt sira",
        ],
    ),
    (Column::Id, &["id uid uuid questionid", "kennung fragenid frageid"]),
    (
        Column::Question,
        &[
            "question questions q questiontext questionstem questioncontent questionprompt prompt stem text",
            "frage fragen fragetext fragentext fragestellung aufgabe aufgabentext aufgabenstellung",
            "enonce intitule textedelaquestion",
            "pregunta preguntas enunciado textodelapregunta",
            "pergunta perguntas questao questoes textodapergunta",
            "domanda domande quesito quesiti testodomanda testodelladomanda",
            "vraag vragen vraagtekst vraagstelling",
            "pytanie pytania trescpytania",
            "pertanyaan soal soalan teksoal isisoal",
            "вопрос вопросы текствопроса",
            "питання запитання",
            "题目 题干 问题 题目内容 題目 題幹 問題 題目內容",
            "問題文 質問 質問文 設問",
            "문제 질문 문항 문제내용",
            "cauhoi noidungcauhoi noidung debai",
            "soru sorular sorumetni",
            "otazka otazky",
            "fraga fragor spoergsmaal sporsmal",
            "ερωτηση ερωτησεισ",
        ],
    ),
    (Column::Title, &["questiontitle questionname"]),
    (
        Column::Options,
        &[
            "options answers choices answeroptions answerchoices possibleanswers responses alternatives",
            "antworten antwortoptionen antwortmoeglichkeiten auswahlmoeglichkeiten optionen",
            "reponses propositions choix reponsespossibles",
            "respuestas opciones alternativas respuestasposibles",
            "respostas opcoes",
            "risposte opzioni scelte",
            "antwoorden opties keuzes keuzen",
            "odpowiedzi opcje",
            "pilihanjawaban opsijawaban",
            "ответы варианты вариантыответов вариантыответа",
            "відповіді варіанти",
            "选项 選項 选择项",
            "選択肢",
            "보기 선택지",
            "cacluachon cacdapan",
            "secenekler siklar cevaplar",
            "odpovedi moznosti",
            "svarsalternativ",
            "απαντησεισ επιλογεσ",
        ],
    ),
    (
        Column::Answer,
        &[
            "answer ans awnser option choice answertext optiontext alternative alternativa",
            "antwort antworttext",
            "reponse",
            "respuesta",
            "resposta",
            "risposta",
            "antwoord",
            "odpowiedz",
            "jawaban jawapan",
            "ответ",
            "відповідь",
            "答案",
            "答え 解答 回答",
            "답 답변",
            "dapan traloi",
            "cevap yanit",
            "odpoved",
            "svar",
            "απαντηση",
        ],
    ),
    (
        Column::Correct(None),
        &[
            "solution solutions key answerkey accepted acceptedanswer acceptedanswers answerindex answernr \
             answernumber answerletter correctness iscorrect isright",
            "loesung loesungen loesungsbuchstabe musterloesung istrichtig",
            "corrige",
            "solucion soluciones",
            "gabarito solucao",
            "soluzione soluzioni",
            "oplossing",
            "rozwiazanie kluczodpowiedzi",
            "kunci kuncijawaban",
            "решение",
            "正解",
            "정답",
        ],
    ),
    (
        Column::Category,
        &[
            "category categories topic topics subject theme genre domain",
            "kategorie kategorien thema themen themengebiet themenbereich fach bereich sachgebiet rubrik",
            "categorie themes sujet matiere",
            "categoria tema temas materia asignatura",
            "assunto disciplina",
            "argomento",
            "categorieen onderwerp",
            "kategoria temat",
            "kategori topik",
            "категория тема раздел",
            "категорія",
            "类别 分类 科目 類別 分類",
            "カテゴリ カテゴリー ジャンル 分野",
            "카테고리 분류 주제",
            "chude danhmuc",
            "konu",
            "aemne",
            "κατηγορια",
        ],
    ),
    (
        Column::Difficulty,
        &[
            "difficulty dificulty difficultylevel leveldifficulty level",
            "schwierigkeit schwierigkeitsgrad schwierigkeitsstufe niveau stufe",
            "difficulte niveaudedifficulte",
            "dificultad niveldedificultad nivel",
            "dificuldade",
            "difficolta livello",
            "moeilijkheid moeilijkheidsgraad",
            "trudnosc poziom poziomtrudnosci",
            "kesulitan tingkatkesulitan",
            "сложность",
            "складність",
            "难度 難度",
            "難易度",
            "난이도",
            "dokho mucdo",
            "zorluk",
            "obtiznost",
            "svarighetsgrad",
        ],
    ),
    (
        Column::Explanation,
        &[
            "explanation explanations answerexplanation explanationoftheanswer explanationfortheanswer \
             solutionexplanation correctanswerexplanation feedback generalfeedback answerfeedback correctfeedback \
             feedbackforcorrectanswer rationale reason justification",
            "erklaerung erlaeuterung begruendung rueckmeldung antworterklaerung",
            "explication explications",
            "explicacion explicaciones justificacion retroalimentacion",
            "explicacao justificativa",
            "spiegazione",
            "uitleg toelichting",
            "wyjasnienie uzasadnienie",
            "penjelasan pembahasan",
            "объяснение пояснение",
            "解析 解释 解釋 说明",
            "解説",
            "해설 설명",
            "giaithich",
            "aciklama",
            "vysvetleni",
            "foerklaring",
        ],
    ),
    (
        Column::Image,
        &[
            "image images img imageurl imagelink imagefile imagename imagefilename picture pictureurl picturelink pic \
             photo photourl media mediaurl medialink url",
            "bild bildurl bildlink bilddatei foto grafik abbildung",
            "imagen imagenes",
            "imagem",
            "immagine immagini",
            "afbeelding plaatje",
            "obraz obrazek zdjecie",
            "gambar",
            "изображение картинка",
            "зображення",
            "图片 圖片 图片网址 圖片網址 图像",
            "画像",
            "이미지 그림",
            "hinhanh",
            "resim gorsel",
            "obrazky bilder",
        ],
    ),
    (
        Column::Alt,
        &[
            "alt alttext alternativetext imagealt imagealttext imagedescription picturedescription",
            "alternativtext bildbeschreibung",
        ],
    ),
    (
        Column::Kind,
        &[
            "kind type itemtype questiontype questiontypecode questionformat",
            "typ art fragetyp fragentyp frageart fragenart aufgabentyp",
            "typedequestion",
            "tipo tipodepregunta tipodepergunta tipodomanda tipodidomanda",
            "vraagtype soort",
            "typpytania rodzaj",
            "tipe tipesoal jenis jenissoal",
            "тип типвопроса",
            "类型 题型 類型 題型",
            "種類 問題形式",
            "유형 문제유형",
            "loaicauhoi",
            "tur sorutipi",
        ],
    ),
    (Column::Points, &[POINTS]),
    (Column::IgnoreAccents, &["ignoreaccents accentsignored", "akzenteegal akzenteignorieren ohneakzente"]),
    (Column::MaxTypos, &["maxtypos typos typosallowed allowedtypos", "tippfehler maxtippfehler erlaubtetippfehler"]),
    (
        Column::NoSpeedBonus,
        &["nospeedbonus nobonus notimebonus", "keinbonus ohnebonus keintempobonus ohnetempobonus keinzeitbonus"],
    ),
];

/// Words for the points of a question. With the number or letter of an option after it, the points of that option.
pub(super) const POINTS: &str = "points point pointsvalue pointvalue pointsmultiplier score mark marks weight factor \
    multiplier punkte punktzahl punktwert gewichtung gewicht faktor puntos puntaje pontos pontuacao punti punteggio \
    punten punkty nilai skor poin баллы 分数 分值 配点 점수 diem puan";

/// Words for a time limit, alone or before a unit.
pub(super) const TIMES: &str = "time timelimit timer timeallowed duration answertime zeit zeitlimit zeitvorgabe \
    bedenkzeit antwortzeit dauer temps duree tempslimite tiempo tiempolimite tempo tempolimite tijd tijdslimiet czas \
    limitczasu waktu bataswaktu durasi время час 时间 時間 时限 制限時間 시간 제한시간 thoigian sure";

/// Words for units at the end of a name. Longer ones come first, because the first match counts.
pub(super) const UNITS: &[(&str, TimeUnit)] = &[
    ("milliseconds", TimeUnit::Milliseconds),
    ("millisekunden", TimeUnit::Milliseconds),
    ("millis", TimeUnit::Milliseconds),
    ("secondes", TimeUnit::Seconds),
    ("segundos", TimeUnit::Seconds),
    ("seconden", TimeUnit::Seconds),
    ("seconds", TimeUnit::Seconds),
    ("sekunden", TimeUnit::Seconds),
    ("secondi", TimeUnit::Seconds),
    ("secs", TimeUnit::Seconds),
    ("minutes", TimeUnit::Minutes),
    ("minuten", TimeUnit::Minutes),
    ("minutos", TimeUnit::Minutes),
    ("minuti", TimeUnit::Minutes),
    ("mins", TimeUnit::Minutes),
    ("detik", TimeUnit::Seconds),
    ("sec", TimeUnit::Seconds),
    ("sek", TimeUnit::Seconds),
    ("min", TimeUnit::Minutes),
    ("ms", TimeUnit::Milliseconds),
    ("秒", TimeUnit::Seconds),
    ("초", TimeUnit::Seconds),
    ("s", TimeUnit::Seconds),
];

/// Words that call an answer right.
pub(super) const RIGHT: &[&str] = &[
    "correct right",
    "richtige richtig korrekte korrekt",
    "correcte correctes bonne bonnes juste justes exacte",
    "correcta correctas correcto correctos verdadera",
    "correta corretas correto certa certo",
    "corretta corrette corretto giusta giusto esatta",
    "juiste juist goede goed",
    "poprawna poprawne poprawny prawidlowa prawidlowe",
    "benar betul tepat",
    "правильная правильные правильныи верная верные верныи",
    "правильна вірна",
    "正确 正確",
    "正しい 正解",
    "정답 추가정답",
    "dung",
    "dogru",
    "spravna spravne",
    "raett raetta riktig korrekta",
    "σωστη",
];

/// Words that call an answer wrong.
pub(super) const WRONG: &[&str] = &[
    "distractor incorrect wrong false",
    "distraktor falsche falsch",
    "incorrecte incorrectes mauvaise mauvaises fausse fausses distracteur",
    "incorrecta incorrectas incorrecto falsa falsas erronea equivocada distractora",
    "incorreta incorretas errada erradas errado distrator",
    "sbagliata sbagliate errata errate distrattore",
    "foute fout onjuiste onjuist",
    "bledna bledne niepoprawna zla",
    "salah pengecoh",
    "неправильная неправильныи неверная неверныи",
    "错误 錯誤 干扰 干擾",
    "不正解 誤答",
    "오답",
    "sai",
    "yanlis",
    "spatna spatne nespravna",
    "fel",
    "λαθοσ",
];

/// Words for an answer. They come before or after its number or letter, or beside a word for right or wrong.
pub(super) const ANSWERS: &[&str] = &[
    "answer answers answeroption answerchoice answertext possibleanswer ans awnser option options optiontext opt \
     choice choices response responses alternative ones",
    "antwort antworten antwortmoeglichkeit antwortoption antworttext loesung loesungen moeglichkeit optionen auswahl \
     wahl",
    "reponse reponses choix proposition propositions",
    "respuesta respuestas opcion opciones alternativa alternativas",
    "resposta respostas opcao opcoes",
    "risposta risposte opzione opzioni scelta",
    "antwoord antwoorden optie opties keuze keuzes",
    "odpowiedz odpowiedzi opcja",
    "jawaban jawapan pilihan pilihanjawaban opsi opsijawaban",
    "ответ ответы ответов вариант вариантответа",
    "відповідь варіант варіантвідповіді",
    "答案 选项 選項 项 項",
    "選択肢 答え 回答 解答",
    "보기 선택지 답 답변",
    "dapan luachon phuongan cautraloi",
    "secenek cevap sik yanit",
    "odpoved odpovedi moznost moznosti",
    "svar svarsalternativ alternativ",
    "απαντηση επιλογη",
];

/// Words after `correct answer` which say that the column holds a number or letter.
pub(super) const POINTERS: &str =
    "nr no num number numero nummer index indices idx id ids letter buchstabe lettre letra lettera key s";
