"""Tokenizers of model folders against Hugging Face's `tokenizers`, which writes files and divides texts."""

import json

import pytest
import tokenizers
from tokenizers import normalizers, pre_tokenizers

from bertbench.data.tokenization import TextRules
from bertbench.data.tokenizer_files import TokenizerFiles, find_tokenizer, write_tokenizer
from bertbench.data.vocabulary import SPECIAL_TOKENS
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

PIECES = [
    *SPECIAL_TOKENS,
    "é",
    "e",
    "É",
    "E",
    "##e",
    "##é",
    "cafe",
    "café",
    "Café",
    "中",
    "中国",
    "a",
    "##a",
    ".",
]
TEXTS = ["Café CAFÉ cafe.", "É e E é", "中国 a中", "\u0301e\u0301\u200b x", "a" * 100, "a" * 101]


def library_tokenizer(lowercase=True, strip_accents=None, chinese=True):
    """A BERT's tokenizer as transformers makes it."""
    ids = {piece: index for index, piece in enumerate(PIECES)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(True, chinese, strip_accents, lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(list(SPECIAL_TOKENS))
    return made


def write_vocabulary(folder, pieces=PIECES):
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")


def write_config(folder, **values):
    (folder / "tokenizer_config.json").write_text(json.dumps(values))


def divided(folder, **more):
    tokenizer = find_tokenizer(folder, **more).tokenizer
    return [tokenizer.tokenize(text) for text in TEXTS]


def expected(library):
    return [library.encode(text, add_special_tokens=False).tokens for text in TEXTS]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("strip_accents", [None, True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_tokens_follow_rules_of_tokenizer_files(tmp_path, capsys, lowercase, strip_accents, chinese):
    library = library_tokenizer(lowercase, strip_accents, chinese)
    (tmp_path / "json").mkdir()
    library.save(str(tmp_path / "json" / "tokenizer.json"))
    (tmp_path / "config").mkdir()
    write_vocabulary(tmp_path / "config")
    write_config(
        tmp_path / "config",
        do_lower_case=lowercase,
        strip_accents=strip_accents,
        tokenize_chinese_chars=chinese,
        tokenizer_class="BertTokenizer",
        model_max_length=10**30,
        cls_token={"content": "[CLS]", "lstrip": False},
        mask_token="[MASK]",
    )
    (tmp_path / "both").mkdir()
    write_vocabulary(tmp_path / "both")
    library.save(str(tmp_path / "both" / "tokenizer.json"))
    for folder in ("json", "config", "both"):
        assert divided(tmp_path / folder) == expected(library), folder
    assert divided(None, vocab_file=tmp_path / "config" / "vocab.txt") == expected(library)
    assert divided(None, vocab_file=tmp_path / "json" / "tokenizer.json") == expected(library)
    assert capsys.readouterr().err == ""


def test_saved_tokenizer_is_read_back_equal(tmp_path):
    for name, rules in {
        "cased": {"do_lower_case": False, "strip_accents": True},
        "accents": {"strip_accents": False, "tokenize_chinese_chars": False},
        "plain": {},
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        write_vocabulary(folder)
        write_config(folder, **rules)
        tokenizer = find_tokenizer(folder).tokenizer
        write_tokenizer(tokenizer, folder / "saved")
        again = find_tokenizer(folder / "saved").tokenizer
        assert (again.tokens, again.rules) == (tokenizer.tokens, tokenizer.rules)


def test_google_folder_uses_rules_of_original_tokenizer(tmp_path):
    write_vocabulary(tmp_path)
    (tmp_path / "bert_config.json").write_text("{}")
    assert find_tokenizer(tmp_path).tokenizer.rules == TextRules()
    (tmp_path / "bert_config.json").rename(tmp_path / "config.json")
    assert find_tokenizer(tmp_path).tokenizer.rules == TextRules(max_chars_per_word=100)


def test_option_precedes_tokenizer_config_precedes_tokenizer_json(tmp_path, capsys):
    library_tokenizer(lowercase=False, strip_accents=True).save(str(tmp_path / "tokenizer.json"))
    write_config(tmp_path, do_lower_case=True, strip_accents=None)
    assert divided(tmp_path) == expected(library_tokenizer(lowercase=True))
    assert capsys.readouterr().err == ""
    assert divided(tmp_path, do_lower_case=False) == expected(library_tokenizer(lowercase=False))
    error = capsys.readouterr().err
    assert (
        error == f"{tmp_path}/tokenizer_config.json: differs from --no-do-lower-case; the option is used.\n"
    )


def test_tokenizer_files_beside_vocabulary_precede_those_of_model_folder(tmp_path):
    for name, lower in (("beside", True), ("model", False)):
        (tmp_path / name).mkdir()
        write_config(tmp_path / name, do_lower_case=lower)
    write_vocabulary(tmp_path)
    write_vocabulary(tmp_path / "beside")
    model = tmp_path / "model"
    assert not find_tokenizer(model, tmp_path / "vocab.txt").tokenizer.rules.do_lower_case
    assert find_tokenizer(model, tmp_path / "beside" / "vocab.txt").tokenizer.rules.do_lower_case


def test_tokenizer_json_that_differs_from_vocabulary_prints_notice(tmp_path, capsys):
    library_tokenizer().save(str(tmp_path / "tokenizer.json"))
    write_vocabulary(tmp_path, [*PIECES, "more"])
    assert find_tokenizer(tmp_path).tokenizer.vocab_size == len(PIECES) + 1
    assert "vocab.txt: its wordpieces are used, not those of" in capsys.readouterr().err


def test_added_tokens_have_ids_and_print_notice(tmp_path, capsys):
    library = library_tokenizer()
    library.add_tokens(["New", "Newer"])
    library.save(str(tmp_path / "tokenizer.json"))
    tokenizer = find_tokenizer(tmp_path).tokenizer
    assert tokenizer.tokens == (*PIECES, "New", "Newer")
    assert "added tokens (New, Newer) are divided like other text." in capsys.readouterr().err


def test_folder_without_tokenizer_gives_none(tmp_path):
    assert find_tokenizer(tmp_path) is None
    with pytest.raises(InputError, match="no such file; --vocab-file needs the model's vocab"):
        find_tokenizer(tmp_path, tmp_path / "vocab.txt")


def test_tokenizer_class_in_the_models_configuration_is_checked(tmp_path):
    """As in folders of old versions, whose tokenizer_config.json names none."""
    write_vocabulary(tmp_path)
    write_config(tmp_path, do_lower_case=False)
    (tmp_path / "config.json").write_text(json.dumps({"tokenizer_class": "BertJapaneseTokenizer"}))
    with pytest.raises(InputError, match=r"/config\.json: tokenizer_class is 'BertJapaneseTokenizer'"):
        divided(tmp_path)
    write_config(tmp_path, tokenizer_class="BertTokenizer")
    divided(tmp_path)


def test_special_tokens_in_never_split_are_accepted(tmp_path):
    write_vocabulary(tmp_path)
    write_config(tmp_path, never_split=["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"])
    divided(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"tokenizer_class": "RobertaTokenizer"},
            "tokenizer_class is 'RobertaTokenizer', which does not work like BERT",
        ),
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "tokenizer_class is 'BertJapaneseTokenizer'"),
        ({"word_tokenizer_type": "mecab"}, "word_tokenizer_type is 'mecab'; only 'basic'"),
        ({"subword_tokenizer_type": "character"}, "subword_tokenizer_type is 'character'; only 'wordpiece'"),
        ({"do_basic_tokenize": False}, "do_basic_tokenize is False; only True is supported"),
        ({"never_split": ["[CLS]", "[user]"]}, "never_split is \\['\\[CLS\\]', '\\[user\\]'\\]"),
        ({"cls_token": "<s>"}, "cls_token is '<s>'; only '\\[CLS\\]'"),
        ({"sep_token": {"content": "</s>"}}, "sep_token is '</s>'; only '\\[SEP\\]'"),
        ({"do_lower_case": "false"}, "do_lower_case is 'false'; it must be bool"),
        ({"do_lower_case": None}, "do_lower_case is None; it must be bool"),
        ({"strip_accents": 1}, "strip_accents is 1; it must be bool"),
    ],
)
def test_tokenizer_of_another_model_type_is_rejected(tmp_path, values, message):
    write_vocabulary(tmp_path)
    write_config(tmp_path, **values)
    with pytest.raises(InputError, match=rf"tokenizer_config\.json: {message}"):
        _ = find_tokenizer(tmp_path).tokenizer


def other(change):
    made = library_tokenizer()
    change(made)
    return made.to_str()


def without_clean_text(made):
    made.normalizer = normalizers.BertNormalizer(clean_text=False)


def with_other_pieces(made):
    made.pre_tokenizer = pre_tokenizers.Whitespace()


def with_other_normalizer(made):
    made.normalizer = normalizers.NFKC()


def with_hash(made):
    made.model = tokenizers.models.WordPiece(
        {"a": 0, "[UNK]": 1}, unk_token="[UNK]", continuing_subword_prefix="@@"
    )


def test_tokenizer_json_with_contradicting_id_is_rejected(tmp_path):
    """The library reads it, with the vocabulary's id; an id of 2^31 took it 20 seconds and gigabytes."""
    library_tokenizer().save(str(tmp_path / "tokenizer.json"))
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    special, vocabulary = content["added_tokens"][0], content["model"]["vocab"]
    piece, index = next(iter(vocabulary.items()))
    for change, message in (
        ({"added_tokens": [special | {"id": special["id"] + 1}]}, "has another id than"),
        ({"added_tokens": [special | {"id": 2**31}]}, "has another id than"),
        ({"model": content["model"] | {"vocab": vocabulary | {piece: 2**31}}}, "has ids up to"),
        ({"model": content["model"] | {"vocab": vocabulary | {"new": index}}}, f"have the same id {index};"),
    ):
        (tmp_path / "tokenizer.json").write_text(json.dumps(content | change))
        with pytest.raises(InputError, match=message):
            _ = TokenizerFiles(tmp_path / "tokenizer.json").tokenizer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            tokenizers.Tokenizer(tokenizers.models.BPE()).to_str(),
            r"model\.type is 'BPE'; BERT's is 'WordPiece'",
        ),
        (tokenizers.Tokenizer(tokenizers.models.Unigram()).to_str(), r"model\.type is 'Unigram'"),
        (other(without_clean_text), r"normalizer\.clean_text is False; BERT's is True"),
        (other(with_other_pieces), r"pre_tokenizer\.type is 'Whitespace'; BERT's is 'BertPreTokenizer'"),
        (other(with_other_normalizer), r"normalizer\.type is 'NFKC'"),
        (other(with_hash), r"model\.continuing_subword_prefix is '@@'"),
        ("{}", "is not a valid tokenizer"),
        ("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
    ],
)
def test_tokenizer_json_of_another_model_type_is_rejected(tmp_path, text, message):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(InputError, match=rf"tokenizer\.json: {message}"):
        _ = TokenizerFiles(tmp_path / "tokenizer.json").tokenizer
