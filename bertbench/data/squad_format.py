"""The format of SQuAD files, and access to its members with their positions.

The format is that of Rajpurkar et al. 2016 (https://rajpurkar.github.io/SQuAD-explorer):
`{"data": [{"paragraphs": [{"context": ..., "qas": [{"id": ..., "question": ..., "answers":
[{"text": ..., "answer_start": ...}]}]}]}]}`. In SQuAD 2.0 (Rajpurkar et al. 2018, arXiv:1806.03822) a
file has `"version": "v2.0"`, and a question that its context does not answer `"is_impossible": true` and no
answers.
"""

import re
from collections.abc import Iterator
from typing import Any

from bertbench.console import notice
from bertbench.data.foreign_json import read_foreign_json
from bertbench.errors import InputError
from bertbench.files import Content
from bertbench.options import Option

REMEDY = "give a file in SQuAD format"
WITH_NEGATIVE = Option(
    "Questions may have no answer, as in SQuAD 2.0.",
    names=("--version-2-with-negative",),
    group="data",
    default_help="as the file's version says",
)
_VERSION_2 = re.compile(r"v?2(\..*)?", re.IGNORECASE)
_KINDS = {str: "a string", int: "an integer", list: "a list", dict: "an object"}


def allows_no_answer(content: Content, stated: bool | None) -> bool:
    """Whether questions of a file may have no answer: as given, else from its `version`, with one notice.

    Raises:
      InputError: the file is not JSON.
    """
    if stated is not None:
        return stated
    value, _ = content.parsed_json  # `read_paragraphs` reports repeated keys
    version = value.get("version") if isinstance(value, dict) else None
    if not _VERSION_2.fullmatch(str(version)):
        return False
    notice(f"{content.path}: version {version}: questions may have no answer (--version-2-with-negative).")
    return True


def read_paragraphs(content: Content) -> Iterator[tuple[str, Any]]:
    """Each paragraph of the file, with its position for messages.

    Raises:
      InputError: the file does not consist of articles with paragraphs.
    """
    path = content.path
    for number, article in enumerate(member(read_foreign_json(content), "data", list, str(path)), start=1):
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
