"""The format of SQuAD v1.1 files, and access to its members with their positions.

The format is that of Rajpurkar et al. 2016 (https://rajpurkar.github.io/SQuAD-explorer):
`{"data": [{"paragraphs": [{"context": ..., "qas": [{"id": ..., "question": ..., "answers":
[{"text": ..., "answer_start": ...}]}]}]}]}`.
"""

from collections.abc import Iterator
from typing import Any

from bertbench.errors import InputError
from bertbench.files import Content

REMEDY = "give a file in SQuAD v1.1 format"
_KINDS = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


def read_paragraphs(content: Content) -> Iterator[tuple[str, Any]]:
    """Each paragraph of the file, with its position for messages.

    Raises:
      InputError: the file does not consist of articles with paragraphs.
    """
    path = content.path
    for number, article in enumerate(member(content.json(), "data", list, str(path)), start=1):
        place = f"{path}: article {number}"
        for paragraph_number, paragraph in enumerate(member(article, "paragraphs", list, place), start=1):
            yield f"{place}, paragraph {paragraph_number}", paragraph


def member(holder: Any, key: str, kind: type[Any], place: str) -> Any:
    """`holder[key]`, checked to exist and to have this type.

    Raises:
      InputError: it does not; the message names the position.
    """
    if not isinstance(holder, dict):
        raise InputError(f"{place}: must be an object with {key!r}; {REMEDY}.")
    if key not in holder:
        raise InputError(f"{place}: key {key!r} is missing; {REMEDY}.")
    value = holder[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{place}: {key!r} must be {_KINDS[kind]}; {REMEDY}.")
    return value
