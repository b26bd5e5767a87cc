"""Text is cut into parts without losing, repeating or splitting a document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertbench.data.text_corpus import Span, plan_parts, read_documents
from bertbench.errors import InputError

pytestmark = pytest.mark.unit

lines = st.sampled_from(
    ["", "  ", "\u3000", "one", " zwei ", "三 三", "four\u2028lines", "five\r", "\x0bsix seven"]
)
texts = st.lists(lines, max_size=25).map("\n".join)


def documents_of(text):
    """Documents by the definition: runs of lines that are not blank."""
    documents = [[]]
    for line in text.split("\n"):
        if line.strip():
            documents[-1].append(line.strip())
        else:
            documents.append([])
    return [document for document in documents if document]


def write(path, text):
    path.write_bytes(text.encode())
    return path


@given(contents=st.lists(texts, min_size=1, max_size=4), part_bytes=st.integers(1, 120))
def test_parts_contain_every_document_once_in_order(tmp_path_factory, contents, part_bytes):
    folder = tmp_path_factory.mktemp("text")
    paths = [write(folder / f"{number}.txt", text) for number, text in enumerate(contents)]
    parts = plan_parts(paths, part_bytes)
    found = [document for part in parts for span in part for document in read_documents(span)]
    # Files that are cut stand before the short ones joined after them, so compare file by file.
    by_file = {
        path: [d for part in parts for span in part if span.path == path for d in read_documents(span)]
        for path in paths
    }
    assert by_file == {path: documents_of(text) for path, text in zip(paths, contents, strict=True)}
    assert len(found) == sum(map(len, by_file.values()))


def test_long_files_are_split_evenly_and_short_files_joined(tmp_path):
    sizes = {"a": 30, "b": 250, "c": 30, "d": 60, "e": 10}
    paths = [write(tmp_path / name, "xxxx\n\n\n\n\n\n" * (size // 10)) for name, size in sizes.items()]
    a, b, c, d, e = paths
    # Thirds end at 83 and 166: behind these, in a line of five bytes and then in a blank one.
    assert plan_parts(paths, 100) == [
        [Span(b, 0, 85)],
        [Span(b, 85, 167)],
        [Span(b, 167, 250)],
        [Span(a, 0, 30), Span(c, 0, 30), Span(d, 0, 60)],
        [Span(e, 0, 10)],
    ]


def test_document_longer_than_a_part_is_scanned_once(tmp_path, monkeypatch):
    lines = 400
    path = write(tmp_path / "one.txt", "word\n" * lines)
    decoded = []
    monkeypatch.setattr("bertbench.data.text_corpus._decode", lambda line, *_: decoded.append(line) or "word")
    parts = plan_parts([path], 5)
    assert parts == [[Span(path, 0, 5 * lines)], *[[Span(path, 5 * lines, 5 * lines)]] * (lines - 1)]
    assert len(decoded) < lines
    documents = [document for part in parts for span in part for document in read_documents(span)]
    assert documents == [["word"] * lines]


def test_line_not_in_utf8_is_reported(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"one\n\ntwo\ncaf\xe9\n")
    with pytest.raises(InputError, match=r"latin.txt: line 4: not UTF-8"):
        list(read_documents(Span(path, 0, path.stat().st_size)))


def test_git_lfs_pointer_is_rejected(tmp_path):
    (tmp_path / "a.txt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 9\n")
    with pytest.raises(InputError, match=r"a\.txt: is a Git LFS pointer"):
        plan_parts([tmp_path / "a.txt"])
