"""Small SQuAD files, a small vocabulary and the shared reference files, for the tests of SQuAD."""

import json
import string

from hypothesis import strategies as st

from bertbench.data.tokenizer_files import TokenizerFiles

WORDPIECES = [
    *["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "ab", "##ab", "é", "#", "###"],
    *string.ascii_letters,
    *["##" + letter for letter in string.ascii_lowercase[:-1]],
    *string.digits,
    *string.punctuation.replace("#", ""),
]

# Words of one wordpiece, of several, of none (control characters), unknown ones, accents and punctuation.
WORDS = st.sampled_from(
    [
        *[
            "a",
            "b",
            "ab",
            "abab",
            "unaffable",
            "Ab",
            "É",
            "e\u0301t",
            "z.",
            "(ab)",
            "U.S.",
            "zz",
            "##a",
            "中a",
        ],
        *["a\xa0b", "\u200b", "\x0b", "x-y-x", "ΑΣ", "İ", "a\u00adb", "…"],
    ]
)
SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\u202f", " \r\n"])


def make_tokenizer(folder, do_lower_case=True):
    path = folder / "vocab.txt"
    path.write_text("\n".join(WORDPIECES) + "\n", encoding="utf-8")
    return TokenizerFiles(path, do_lower_case=do_lower_case).tokenizer


@st.composite
def contexts(draw, max_words=30):
    words = draw(st.lists(WORDS, min_size=1, max_size=max_words))
    text = draw(st.sampled_from(["", " ", "\n"])) + "".join(word + draw(SPACES) for word in words)
    return text if text.strip() else text + "a"


@st.composite
def paragraphs(draw):
    """A context and questions whose answers are mostly cut from it, seldom misplaced."""
    context = draw(contexts())
    qas = []
    for number in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(context) - 1))
        end = draw(st.integers(start + 1, len(context)))
        shift = draw(st.sampled_from([0, 0, 0, 0, 1]))
        question = "".join(draw(st.lists(WORDS, min_size=1, max_size=6))) + "?"
        answer = {"text": context[start:end], "answer_start": start + shift}
        qas.append({"id": f"q{number}", "question": question, "answers": [answer]})
    return {"context": context, "qas": qas}


def question(qas_id="q1", text="a b?", answers=(("b", 2),)):
    return {
        "id": qas_id,
        "question": text,
        "answers": [{"text": answer, "answer_start": start} for answer, start in answers],
    }


def impossible(qas_id="q1", text="a b?"):
    """A question that its context does not answer, as SQuAD 2.0 has it."""
    return question(qas_id, text, answers=()) | {"is_impossible": True}


def squad(*paragraphs, version="1.1"):
    """The file's content, of paragraphs (context, questions)."""
    return {
        "version": version,
        "data": [
            {
                "title": "t",
                "paragraphs": [{"context": context, "qas": list(qas)} for context, qas in paragraphs],
            }
        ],
    }


def write_squad(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
