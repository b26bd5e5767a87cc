"""The files that match a path, a pattern or a list of them."""

import os

import pytest

from bertbench.errors import InputError
from bertbench.patterns import match_files

pytestmark = pytest.mark.unit


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder to work in, and a function that makes files in it."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return make


@pytest.mark.parametrize(
    ("there", "given", "meant"),
    [
        ("b.txt a.txt c.log", "*.txt,c.log,a.*", "a.txt b.txt c.log"),
        ("a.txt b.txt", "b.txt,*.txt", "b.txt a.txt"),
        ("x/a.txt x/y/b.txt", "**/*.txt", "x/a.txt x/y/b.txt"),
        ("x.txt/inside a.txt", "*.txt", "a.txt"),
        # characters of patterns, in names that exist
        ("[w]/a.txt w/a.txt", "[w]/a.txt", "[w]/a.txt"),
        ("[w]/a.txt [w]/b.txt w/c.txt", "[w]/*.txt", "[w]/a.txt [w]/b.txt"),
        ("[w]/[1]/a.txt [w]/1/b.txt", "[w]/[1]/*", "[w]/[1]/a.txt"),
        ("*.txt a.txt", "*.txt", "*.txt"),
        ("a?.txt ab.txt", "a?.txt", "a?.txt"),
        ("a,b.txt a b.txt", "a,b.txt", "a,b.txt"),
        ("a\\b.txt", "a\\b.txt", "a\\b.txt"),
        # the same characters if no such name exists
        ("w/a.txt v/a.txt x/a.txt", "[wv]/a.txt", "v/a.txt w/a.txt"),
        ("[w]/a1.txt [w]/a2.txt", "[w]/a[12].txt", "[w]/a1.txt [w]/a2.txt"),
        ("ab.txt ac.txt", "a?.txt", "ab.txt ac.txt"),
    ],
)
def test_pattern_matches_the_expected_files(files, there, given, meant):
    files(*there.split())
    assert list(map(str, match_files(given))) == meant.split()
    root = "" if "," in given else f"{os.getcwd()}/"
    assert list(map(str, match_files(root + given))) == [root + name for name in meant.split()]


@pytest.mark.parametrize(
    "given", ["none.txt", "a.txt,none*.txt", "a.txt,", "", "[b]/a.txt", "a" * 300, "x\0y"]
)
def test_pattern_without_match_is_rejected(files, given):
    files("a.txt")
    with pytest.raises(InputError, match="no such file; check the path or pattern"):
        match_files(given)


def test_pipe_is_rejected_as_not_a_regular_file(files):
    os.mkfifo("pipe")
    with pytest.raises(InputError, match="pipe: is not a regular file; give a regular file"):
        match_files("pipe")


def test_list_of_thousand_names_is_split_into_files(files):
    names = [f"part-{number:05d}" for number in range(1000)]
    files(*names)
    assert list(map(str, match_files(",".join(names)))) == names


def test_file_name_not_in_utf8_is_rejected(files):
    files("a.txt")
    with open(b"b\xff.txt", "wb"):
        pass
    with pytest.raises(InputError, match="its name is not UTF-8; rename the file"):
        match_files("*.txt")
