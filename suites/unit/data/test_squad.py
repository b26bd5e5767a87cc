"""SQuAD files to examples: the original's words and answer positions, and rejected files."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data.squad import LONGEST_CONTEXT, make_example, read_squad
from bertbench.data.squad_format import allows_no_answer
from bertbench.errors import InputError
from bertbench.files import read_content
from suites.unit.squad_cases import impossible, paragraphs, question, squad, write_squad

pytestmark = pytest.mark.unit


def original_words(context):
    """The words, and for each character the number of the word it is in or after."""
    words, word_of, fresh = [], [], True
    for character in context:
        if character in " \t\r\n\u202f":
            fresh = True
        else:
            words += [""] if fresh else []
            words[-1] += character
            fresh = False
        word_of.append(len(words) - 1)
    return words, word_of


@given(paragraph=paragraphs())
def test_words_and_answer_positions_equal_original_script(tmp_path_factory, paragraph):
    path = write_squad(
        tmp_path_factory.getbasetemp() / "f.json", squad((paragraph["context"], paragraph["qas"]))
    )
    words, word_of = original_words(paragraph["context"])
    expected = []
    for qa in paragraph["qas"]:
        text, offset = qa["answers"][0]["text"], qa["answers"][0]["answer_start"]
        place = word_of[offset : offset + len(text)]
        if len(place) == len(text):  # beyond the context the original stops with an IndexError
            actual = " ".join(words[place[0] : place[-1] + 1])
            if text.split() and " ".join(text.split()) in actual:
                expected.append((qa["id"], qa["question"], words, (text,), words[place[0]], words[place[-1]]))
    if not expected:
        with pytest.raises(InputError, match="no question is left"):
            read_squad(path, training=True)
        return
    assert [
        (
            *(e.qas_id, e.question, e.paragraph.doc_tokens, e.answers),
            *(e.paragraph.doc_tokens[e.start_word], e.paragraph.doc_tokens[e.end_word]),
        )
        for e in read_squad(path, training=True)
    ] == expected


def test_whole_numbers_as_ids_are_read_as_text(tmp_path):
    """As annotation tools write them; in a predictions file they are text in any case."""
    content = squad(("a b c", [question(51870, answers=[("b", 2)]), question("x")]))
    path = write_squad(tmp_path / "f.json", content)
    assert [example.qas_id for example in read_squad(path)] == ["51870", "x"]


def test_words_end_only_at_whitespace_of_original_script(tmp_path):
    content = squad(("a\xa0b c\u202fd\u2009e\tf\r\n g\u3000h", [question(answers=[("c", 4)])]))
    example = read_squad(write_squad(tmp_path / "f.json", content))[0]
    assert example.paragraph.doc_tokens == ["a\xa0b", "c", "d\u2009e", "f", "g\u3000h"]
    assert (example.start_word, example.end_word) == (1, 1)


def test_questions_of_a_paragraph_share_it_and_keep_all_answers(tmp_path):
    answers = [("b", 2), ("b c", 2)]
    content = squad(("a b c", [question("1", answers=answers), question("2")]), ("a b", [question("3")]))
    examples = read_squad(write_squad(tmp_path / "f.json", content))
    assert examples[0].paragraph is examples[1].paragraph
    assert examples[0].paragraph is not examples[2].paragraph
    assert [example.answers for example in examples] == [("b", "b c"), ("b",), ("b",)]
    assert [(e.start_word, e.end_word) for e in read_squad(tmp_path / "f.json", training=True)] == [
        (1, 1)
    ] * 3


def test_misplaced_answers_are_reported_and_excluded_from_training_only(tmp_path, capsys):
    misplaced = [("b", 0), ("b", 99), ("b", -1), ("", 1), ("a b c d", 0)]
    questions = [question(str(n), answers=[answer]) for n, answer in enumerate([*misplaced, ("b", 2)])]
    path = write_squad(tmp_path / "f.json", squad(("a b c", questions)))
    assert len(read_squad(path)) == 6
    assert "f.json: answers not in their context at answer_start: 5; predictions" in capsys.readouterr().err
    assert [example.qas_id for example in read_squad(path, training=True)] == ["5"]
    assert "answer_start: 5; their questions are left out" in capsys.readouterr().err


def test_training_uses_first_answer_only(tmp_path, capsys):
    answers = [("b", 2), ("b", 0)]
    path = write_squad(tmp_path / "f.json", squad(("a b c", [question(answers=answers)])))
    example = read_squad(path, training=True)[0]
    assert (example.start_word, example.end_word, capsys.readouterr().err) == (1, 1, "")
    read_squad(path)
    assert "answer_start: 1; predictions" in capsys.readouterr().err


def test_answer_with_leading_space_is_accepted(tmp_path):
    content = squad(
        (" b", [question("1", answers=[(" b", 0)])]), ("a  b", [question("2", answers=[(" b", 2)])])
    )
    examples = read_squad(write_squad(tmp_path / "f.json", content), training=True)
    assert [(example.start_word, example.end_word) for example in examples] == [(0, 0), (0, 1)]


def test_valid_file_prints_no_notice(tmp_path, capsys):
    read_squad(write_squad(tmp_path / "f.json", squad(("a b", [question()]))))
    assert capsys.readouterr().err == ""


def test_answers_are_required_for_training_only(tmp_path):
    content = squad(("a b", [question(answers=[])]))
    del content["data"][0]["paragraphs"][0]["qas"][0]["answers"]
    path = write_squad(tmp_path / "f.json", content)
    assert read_squad(path)[0].answers is None
    place = r"f\.json: article 1, paragraph 1, question 'q1': has no answer to "
    with pytest.raises(InputError, match=place + "train on; give"):
        read_squad(path, training=True)


def _put(value, *keys):
    def change(content):
        holder = content
        for key in keys[:-1]:
            holder = holder[key]
        if value is _put:
            del holder[keys[-1]]
        else:
            holder[keys[-1]] = value

    return change


PARAGRAPH = ("data", 0, "paragraphs", 1)
QUESTION = (*PARAGRAPH, "qas", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_put(_put, "data"), r"f\.json: key 'data' is missing; give a file in SQuAD format\."),
        (_put([], "data"), r"f\.json: contains no question; give"),
        (_put({}, "data"), r"f\.json: 'data' must be a list"),
        (_put(3, "data", 0), r"f\.json: article 1: must be an object with 'paragraphs'"),
        (_put(_put, "data", 0, "paragraphs"), r"article 1: key 'paragraphs' is missing"),
        (_put([], "data", 0, "paragraphs"), "contains no question"),
        (_put(_put, *PARAGRAPH, "context"), "article 1, paragraph 2: key 'context' is missing"),
        (_put(" \n", *PARAGRAPH, "context"), "article 1, paragraph 2: 'context' is empty; fill it in"),
        (_put(["a"], *PARAGRAPH, "context"), "paragraph 2: 'context' must be a string"),
        (_put("\ud800 a", *PARAGRAPH, "context"), "'context' contains a lone surrogate"),
        (_put(_put, *PARAGRAPH, "qas"), "paragraph 2: key 'qas' is missing"),
        (_put(_put, *QUESTION, "id"), "paragraph 2: a question: key 'id' is missing"),
        (_put(7.0, *QUESTION, "id"), "a question: 'id' must be a string"),
        (_put(True, *QUESTION, "id"), "a question: 'id' must be a string"),
        (_put(" ", *QUESTION, "id"), "paragraph 2: a question: 'id' is empty"),
        (_put("q1", *QUESTION, "id"), "paragraph 2, question 'q1': this id appears earlier in the file"),
        (_put(_put, *QUESTION, "question"), "question 'q2': key 'question' is missing"),
        (_put("\t", *QUESTION, "question"), "question 'q2': 'question' is empty"),
        (_put("b", *QUESTION, "answers"), "question 'q2': 'answers' must be a list"),
        (_put(["b"], *QUESTION, "answers"), "question 'q2': must be an object with 'text'"),
        (_put(_put, *QUESTION, "answers", 0, "text"), "question 'q2': key 'text' is missing"),
        (_put("2", *QUESTION, "answers", 0, "answer_start"), "'answer_start' must be an integer"),
        (_put(True, *QUESTION, "answers", 0, "answer_start"), "'answer_start' must be an integer"),
    ],
)
def test_malformed_file_is_rejected_with_place(tmp_path, change, message):
    content = copy.deepcopy(squad(("a b", [question("q1")]), ("a b", [question("q2")])))
    change(content)
    with pytest.raises(InputError, match=message):
        read_squad(write_squad(tmp_path / "f.json", content))


@given(junk=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists) | st.floats())
def test_json_without_squad_structure_is_rejected(tmp_path_factory, junk):
    with pytest.raises(InputError, match="must be an object with 'data'"):
        read_squad(write_squad(tmp_path_factory.getbasetemp() / "junk.json", junk))


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000], ids=["nesting", "digits"])
def test_json_exceeding_python_limits_is_rejected(tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(InputError, match=r"f\.json: cannot be read as JSON \(.*\); fix"):
        read_squad(tmp_path / "f.json")


VERSION_2 = squad(("a b c", [question("1"), impossible("2")]), ("d", [impossible("3")]), version="v2.0")


@pytest.mark.parametrize("training", [True, False])
def test_impossible_questions_have_no_answer_words(tmp_path, training):
    path = write_squad(tmp_path / "f.json", VERSION_2)
    examples = read_squad(path, training=training, with_negative=True)
    assert [(e.qas_id, e.answers, e.start_word, e.end_word) for e in examples] == [
        ("1", ("b",), 1, 1),
        ("2", (), None, None),
        ("3", (), None, None),
    ]


def test_training_omits_answers_of_impossible_questions_and_misplaced_answers(tmp_path):
    questions = [question("1") | {"is_impossible": True}, question("2", answers=[("c", 0)]), question("3")]
    path = write_squad(tmp_path / "f.json", squad(("a b c", questions)))
    examples = read_squad(path, training=True, with_negative=True)
    assert [(e.qas_id, e.start_word) for e in examples] == [("1", None), ("3", 1)]


def test_question_without_is_impossible_key_is_impossible_without_answers(tmp_path):
    path = write_squad(tmp_path / "f.json", squad(("a b c", [question(answers=())])))
    assert read_squad(path, training=True, with_negative=True)[0].start_word is None


@pytest.mark.parametrize("training", [True, False])
def test_impossible_questions_in_version_1_files_are_rejected(tmp_path, training):
    path = write_squad(tmp_path / "f.json", VERSION_2)
    message = r"paragraph 1, question '2': is marked as impossible .*; give --version-2-with-negative\."
    with pytest.raises(InputError, match=message):
        read_squad(path, training=training)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_impossible": "yes"}, "question 'q1': 'is_impossible' must be true or false"),
        ({"is_impossible": 1}, "question 'q1': 'is_impossible' must be true or false"),
        ({"is_impossible": False, "answers": []}, "question 'q1': has no answer to train on"),
    ],
)
def test_contradictions_in_version_2_files_are_rejected(tmp_path, change, message):
    path = write_squad(tmp_path / "f.json", squad(("a b c", [question() | change])))
    with pytest.raises(InputError, match=message):
        read_squad(path, training=True, with_negative=True)


@pytest.mark.parametrize(
    ("version", "stated", "expected", "told"),
    [
        ("v2.0", None, True, 1),
        ("2.0", None, True, 1),
        (2, None, True, 1),
        ("V2", None, True, 1),
        ("1.1", None, False, 0),
        ("1.2", None, False, 0),
        ("20", None, False, 0),
        (None, None, False, 0),
        ("1.1", True, True, 0),
        ("v2.0", False, False, 0),
    ],
)
def test_version_of_file_applies_unless_option_is_given(tmp_path, capsys, version, stated, expected, told):
    content = read_content(write_squad(tmp_path / "f.json", squad(version=version)))
    assert allows_no_answer(content, stated) == expected
    assert capsys.readouterr().err.count("questions may have no answer (--version-2-with-negative)") == told


def test_context_of_ten_megabytes_is_rejected(tmp_path):
    content = squad(("a", [question("1")]), ("a " * 5_000_000, [question("2")]))
    path = write_squad(tmp_path / "f.json", content)
    with pytest.raises(InputError, match="article 1, paragraph 2: the context has 10,000,000 characters"):
        read_squad(path)
    with pytest.raises(InputError, match="the context has 10,000,000 characters; the most is 1,000,000"):
        make_example("a?", "a" * 10_000_000)
    assert len(make_example("a?", "a" * LONGEST_CONTEXT).paragraph.doc_tokens[0]) == 1_000_000
