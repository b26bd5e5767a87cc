"""Vocabulary files of users; ids are line numbers, independent of the text of the lines."""

import pytest

from bertbench.data.vocabulary import SPECIAL_TOKENS, read_vocabulary
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

TEXT = "".join(f"{piece}\n" for piece in (*SPECIAL_TOKENS, "the", "##s"))


def read(tmp_path, content):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_vocabulary(path)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.removesuffix("\n"),
        TEXT.replace("\n", "\r\n"),
        TEXT.encode("utf-8-sig"),
        TEXT + "\n",
        TEXT + "\r\n \n\t\n\n",
    ],
    ids=["plain", "no last line end", "Windows", "byte order mark", "empty last line", "blank last lines"],
)
def test_line_endings_and_trailing_empty_lines_are_ignored(tmp_path, capsys, content):
    assert read(tmp_path, content).tokens == (*SPECIAL_TOKENS, "the", "##s")
    assert capsys.readouterr().err == ""


def test_blank_and_unusual_lines_keep_line_numbers_as_ids(tmp_path):
    pieces = ["a", "", *SPECIAL_TOKENS, "\u2028", "\x85", "\u3000", "\xa0", "\x0c", "b"]
    vocabulary = read(tmp_path, "\n".join(pieces))
    assert vocabulary.tokens.index("b") == 12
    assert vocabulary.tokens.index("[PAD]") == 2
    (tmp_path / "again.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    assert read_vocabulary(tmp_path / "again.txt").tokens == vocabulary.tokens


def test_repeated_wordpieces_print_one_notice(tmp_path, capsys):
    read(tmp_path, TEXT + "the\n##s\nthe\n")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.endswith(
        "vocab.txt: contains 'the' (lines 6 and 8) and 2 others more than once; the last id is used.\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n", r"vocab\.txt: \[MASK\] missing; give the model's vocabulary"),
        ("", r"\[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\] missing"),
        (b"[PAD]\n\xff\n", r"vocab\.txt: byte 6 is not UTF-8"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n",
            "is a Git LFS pointer, not th",
        ),
        (b"\x1f\x8b\x08\x00", "is compressed with gzip; decompress it"),
    ],
)
def test_invalid_vocabulary_is_rejected(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


def test_missing_vocabulary_is_rejected(tmp_path):
    with pytest.raises(InputError, match=r"vocab\.txt: cannot be read \(No such file or directory\)"):
        read_vocabulary(tmp_path / "vocab.txt")
