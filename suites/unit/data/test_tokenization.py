"""The tokenizer against an independent statement of the original BERT's rules."""

import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bertbench.data.tokenization import TextRules, Tokenizer
from bertbench.data.tokenizer_files import TokenizerFiles
from bertbench.data.vocabulary import read_vocabulary
from suites.shared_data import DEV_SET, shared_path

pytestmark = pytest.mark.unit

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Letters alone and as continuations, so that words split in many ways and some do not split at all.
WORDPIECES = [
    *(SPECIAL + list(string.ascii_letters + string.digits + string.punctuation)),
    *["##" + letter for letter in "abcdefghijklmnoprstuvwxy0123456789"],
    *["un", "##aff", "##able", "aa", "##aa", "##aaaa", "σ", "##σ", "ς", "##ς", "##ο", "ο", "ß", "##ß"],
    *["é", "##é", "É", "中", "国", "##中", "\U00020000", "😀", "##😀", "ᄒ", "##ᅡ", "##ᆫ", "։", "、"],
    *["\u302e", "##\u302e", "\U0001d165", "##\U0001d165", "k", "å", "Å", "ñ"],
]


def original_words(text, rules):
    """The rules of the original's basic tokenizer, one code point at a time.

    What it always does, or does for uncased models, is here by Hugging Face's three switches.
    """
    strip = rules.do_lower_case if rules.strip_accents is None else rules.strip_accents
    kept = ""
    for c in text:
        category = unicodedata.category(c)
        if c in ("\t", "\n", "\r") or category == "Zs":
            kept += " "
        elif category not in ("Cc", "Cf") and ord(c) not in (0, 0xFFFD):
            kept += f" {c} " if rules.tokenize_chinese_chars and is_ideograph(ord(c)) else c
    words = []
    for word in kept.split():
        if rules.do_lower_case:
            word = word.lower()
        if strip:
            word = unicodedata.normalize("NFD", word)
            word = "".join(c for c in word if unicodedata.category(c) != "Mn")
        words.append("".join(f" {c} " if is_punctuation(c) else c for c in word))
    return " ".join(words).split()


IDEOGRAPHS = [
    *(range(0x4E00, 0xA000), range(0x3400, 0x4DC0), range(0x20000, 0x2A6E0), range(0x2A700, 0x2B740)),
    *(range(0x2B740, 0x2B820), range(0x2B820, 0x2CEB0), range(0xF900, 0xFB00), range(0x2F800, 0x2FA20)),
]


def is_ideograph(n):
    return any(n in block for block in IDEOGRAPHS)


def is_punctuation(c):
    return c in string.punctuation or unicodedata.category(c)[0] == "P"


def original_wordpieces(text, rules, vocabulary):
    """Longest match first; a word that does not divide, or of too many characters, is unknown."""
    pieces = []
    for word in original_words(text, rules):
        found = divide(word, vocabulary) if len(word) <= rules.max_chars_per_word else None
        pieces += ["[UNK]"] if found is None else found
    return pieces


def divide(word, vocabulary):
    pieces, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            if prefix + word[start:end] in vocabulary:
                pieces.append(prefix + word[start:end])
                start = end
                break
        else:
            return None
    return pieces


@pytest.fixture(scope="module")
def vocab_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    path.write_text("\n".join(dict.fromkeys(WORDPIECES)) + "\n", encoding="utf-8")
    return path


RULES = {
    "uncased": TextRules(),
    "cased": TextRules(do_lower_case=False),
    "uncased with accents": TextRules(strip_accents=False),
    "cased without accents": TextRules(do_lower_case=False, strip_accents=True, max_chars_per_word=100),
    "ideographs as letters": TextRules(tokenize_chinese_chars=False),
}


@pytest.fixture(scope="module", params=RULES.values(), ids=RULES)
def tokenizer(request, vocab_file):
    return Tokenizer(read_vocabulary(vocab_file), request.param)


HARD = st.one_of(
    st.text(alphabet=string.printable),
    st.text(),
    st.text(alphabet=st.characters(categories=["Mn", "Mc", "Me", "Lu", "Lt", "Lm", "Sk"])),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp", "Pc", "Po"])),
    st.text(alphabet="aAΣσςΟοΑά.'’·\u0301\u0345\u00ad\u200b 中"),
    st.text(alphabet="a\u0300\u0316\u302e\u302f\U0001d165\U0001d16d\u1b44\uaac0\u09be \u3000"),
    st.text(alphabet=st.characters(min_codepoint=0x3400, max_codepoint=0x9FFF)),
    st.text(alphabet=st.characters(min_codepoint=0x1F000, max_codepoint=0x2FFFF)),
    st.text(alphabet="가힣ᄒ\u1161\u11ab각İıßẞŐǅKÅﬁ①\u1e9b\u0323"),
    st.text(alphabet="ab#[]UNK "),
    st.integers(90, 110).map(lambda n: "a" * n) | st.integers(195, 205).map(lambda n: "a" * n),
    st.integers(195, 205).map(lambda n: "é" * n) | st.integers(195, 205).map(lambda n: "😀" * n),
)


@given(parts=st.lists(HARD, max_size=4), joint=st.sampled_from(["", " ", "\u2028", "\x85", "\u202f"]))
@example(parts=["ΟΔΟΣ ΣΟΦΟΣ, ΑΣ'Σ"], joint="")
@example(parts=["a\u302e\u0316\U0001d165\U0001d16d\u302f"], joint="")
@example(parts=["[UNK] [MASK] ##a \x00a\ufffdb\x0bc\x1cd\u2029e"], joint="")
@example(parts=["\ud800", "x\udfffa", "a"], joint=" ")
@example(parts=["a" * 200, "a" * 201, "é" * 200 + "."], joint=" ")
def test_tokens_equal_original_tokenizer(tokenizer, parts, joint):
    text = joint.join(parts)
    assert tokenizer.basic_tokenize(text) == original_words(text, tokenizer.rules)
    pieces = original_wordpieces(text, tokenizer.rules, set(tokenizer.tokens))
    assert tokenizer.tokenize(text) == pieces
    assert tokenizer.encode(text) == [tokenizer.tokens.index(piece) for piece in pieces]


def test_every_code_point_is_tokenized_like_original(tokenizer):
    # The long uniform blocks (ideographs, Hangul, private use) are sampled beside their ends.
    ends = {end + near for block in IDEOGRAPHS for end in (block.start, block.stop) for near in range(-3, 3)}
    all_of = {*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7A0, 0xE000), *range(0xF900, 0x20000)}
    sampled = {*range(0x3400, 0xF900, 29), *range(0x20000, 0x32000, 29), *range(0xE0000, 0xE0200)}
    for n in sorted(ends | all_of | sampled):
        word = f"x{chr(n)}Y"
        assert tokenizer.basic_tokenize(word) == original_words(word, tokenizer.rules), f"U+{n:04X}"


def test_words_of_200_characters_are_tokenized_and_of_201_are_unknown(vocab_file):
    tokenizer = Tokenizer(read_vocabulary(vocab_file), TextRules())
    assert tokenizer.tokenize("a" * 101) == ["aa", *["##aaaa"] * 24, "##aa", "##a"]
    assert tokenizer.tokenize("a" * 200) == ["aa", *["##aaaa"] * 49, "##aa"]
    assert tokenizer.tokenize("a" * 201) == ["[UNK]"]


def test_special_tokens_in_text_are_tokenized_as_text(vocab_file):
    tokenizer = Tokenizer(read_vocabulary(vocab_file), RULES["cased"])
    assert tokenizer.tokenize("[SEP]") == ["[", "[UNK]", "]"]


def test_token_ids_equal_line_numbers_of_vocabulary(vocab_file):
    tokenizer = Tokenizer(read_vocabulary(vocab_file), TextRules())
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        *range(5),
    )
    assert tokenizer.vocab_size == len(dict.fromkeys(WORDPIECES))
    lines = vocab_file.read_text(encoding="utf-8").split("\n")
    texts = ["unaffable", "", "a b"]
    expected = [["un", "##aff", "##able"], [], ["a", "b"]]
    assert tokenizer.encode_batch(texts) == [[lines.index(piece) for piece in row] for row in expected]


def test_word_cache_size_is_limited(vocab_file, monkeypatch):
    monkeypatch.setattr("bertbench.data.tokenization.CACHED_WORDS", 3)
    tokenizer = Tokenizer(read_vocabulary(vocab_file), TextRules())
    words = ["a", "b", "ab", "ba", "aab", "b"]
    assert [tokenizer.tokenize(word) for word in words] == [
        ["a"],
        ["b"],
        ["a", "##b"],
        ["b", "##a"],
        ["aa", "##b"],
        ["b"],
    ]
    assert len(tokenizer._ids_of_word) <= 3


def test_tokens_of_real_text_equal_original_tokenizer():
    tokenizer = TokenizerFiles(shared_path("models/minilm-l6-h384-squad/vocab.txt")).tokenizer
    vocabulary = set(tokenizer.tokens)
    text = shared_path(DEV_SET).read_text(encoding="utf-8")
    sentences = text.split(". ")
    for sentence in sentences[:1000]:
        assert tokenizer.tokenize(sentence) == original_wordpieces(sentence, TextRules(), vocabulary)
