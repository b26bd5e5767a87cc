"""Texts have no archaic phrases, British spellings, or rates without "per"."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("bertbench", "docs", "suites", "tools")
SUFFIXES = {".css", ".jinja", ".md", ".py"}
# Generated English text, and this list itself.
EXCLUDED = (ROOT / "tools" / "embedded" / "corpus", ROOT / "bertbench" / "embedded", Path(__file__))

NOUNS = (
    "answer|change|checkpoint|disturbance|error|failure|file|folder|host|id|list|model|name|number|outlier|path|pipe|"
    "place|program|regression|string|table|task|text|threshold"
)
COUNTED = (
    "arrays?|bytes?|cells?|entr(?:y|ies)|examples?|files?|GFLOP|lines?|MiB|ms|once|options?|products?|rounds?|rows?|"
    "scales?|seconds|seeds?|steps?|tests?|times|tokens?|windows?"
)
UNITS = (
    "batch|call|case|channel|column|epoch|example|file|layer|line|option|pass|precision|process|projection|rank|round|"
    "row|second|session|split|step|task|test|token"
)
# A space within a paragraph, comment or string literal.
SPACE = r"""(?:[ \t]+|[ \t"]*\n[ \t"#]*)"""
# What to write instead -> a pattern, in which a space stands for `SPACE`.
PHRASES = {
    "is not a valid ...": rf"(?<!there\s)\b(?:is|are|was|were) no (?:{NOUNS})s?\b",
    "per": rf"\b(?:{COUNTED}) an? (?:{UNITS})\b",
    "separated by": r"\bparted (?:by|with)\b",
    "out of memory": r"\b(?:for want of|memory r[au]ns? out)\b",
    "available": r"\bat hand\b",
    "is reported": r"\b(?:is|are|was|were|be) told\b",
    "alone, or as it is": r"\bby (?:itself|themselves)\b",
    "compare with": r"\bh(?:o|e)ld(?:s|ing)? (?:\w+ )?(?:against|to)\b",
    "continue": r"\b(?:go|goes|going|went) on\b",
    "separate, or its own ...": r"\bof (?:its|their) own\b(?! ULP)",
    "is in": r"\blies? (?:above|below|beside|in|on|outside|under|within)\b",
    "alternate": r"\btakes? turns\b",
    "a plain word": r"\b(?:anew|blaming|goodness|nobody|nought|outlives?|somebody|whence)\b",
    "American spelling": (
        r"(?<![a-z])(?:analyse|behaviour|cancelled(?!\(\))|catalogue|centre|colour|favour|grey|initialise|"
        r"labelled(?!by)|learnt|licence|modelled|neighbour|normalise|optimise|organise|realise|recognise|summarise)[a-z]*"
    ),
}

# The beginnings and words of names that do not state subject, condition and outcome in ordinary words.
UNCLEAR_NAME = re.compile(
    r"test_(?:an?|it|its|of|the|there|what)_|\w+_(?:goes_on|are_no|are_those_of|is_no|is_that_of|meanwhile|nothing|said|says?|told|whatever)(?:_|$)"
)


def find_phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the phrase, and what to write instead, for each phrase of the list."""
    for instead, pattern in PHRASES.items():
        for match in re.finditer(pattern.replace(" ", SPACE), text, re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, match.group(), instead


def text_files() -> list[Path]:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES]
    return sorted(
        file
        for file in [*files, *ROOT.glob("*.md"), ROOT / "conftest.py"]
        if not any(file.is_relative_to(excluded) for excluded in EXCLUDED)
    )


def test_texts_use_plain_american_english():
    found = [
        f"{file.relative_to(ROOT)}:{line}: {phrase!r}: write {instead!r}"
        for file in text_files()
        for line, phrase, instead in find_phrases(file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_names_of_tests_are_clear():
    names = {
        name: file.relative_to(ROOT)
        for file in (ROOT / "suites").rglob("test_*.py")
        for name in re.findall(r"\bdef (test_\w+)", file.read_text(encoding="utf-8"))
    }
    assert len(names) > 1000
    assert {name: file for name, file in names.items() if UNCLEAR_NAME.match(name)} == {}


@pytest.mark.parametrize(
    "name", ["test_a_folder_of_nothing", "test_what_is_not_there_is_told", "test_it_is_no_id"]
)
def test_unclear_names_are_found(name):
    assert UNCLEAR_NAME.match(name)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("'x' is no id", "is not a valid ..."),
        ("there is no id", None),
        ("two scales a channel", "per"),
        ("values parted\n# by tabs", "separated by"),
        ("a fault is told in one line", "is reported"),
        ("a run with the same folder goes on", "continue"),
        ("one color and one colour", "American spelling"),
        ("self._normalised", "American spelling"),
        ("in a process of its own", "separate, or its own ..."),
    ],
)
def test_phrases_of_the_list_are_found(text, instead):
    assert [found for _, _, found in find_phrases(text)] == [instead] * (instead is not None)
