"""The reference answers of a SQuAD file, for scoring only.

The official scripts, `evaluate-v1.1.py` and `evaluate-v2.0.py`, read the ids and the texts of the answers,
the first only for questions with a prediction. A file is scored even if other parts are missing.
"""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertbench.console import notice
from bertbench.data.squad_format import REMEDY, member, read_paragraphs
from bertbench.errors import InputError
from bertbench.files import Content, read_content


@dataclass(frozen=True)
class Reference:
    """The reference answers of a question.

    Attributes:
      question: empty if the file has none.
      answers: their texts; empty without a prediction, which scores 0.
    """

    qas_id: str
    question: str
    answers: tuple[str, ...]


def read_references(
    source: Path | str | Content, predicted: Container[str], *, with_negative: bool = False
) -> dict[str, Reference]:
    """All questions of a file, in order, by id; a repeated id is followed by its number in parentheses.

    Missing parts are counted in one notice.

    Args:
      predicted: the ids of the questions that have a prediction.
      with_negative: score as `evaluate-v2.0.py`: a question may have no answer, but its list of answers must
        be there, and of questions with the same id the last counts.

    Raises:
      InputError: there is no question, an id is not a string, or a predicted question has no answer.
    """
    content = read_content(source)
    references: dict[str, Reference] = {}
    seen: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for place, paragraph in read_paragraphs(content):
        lacking["contexts"] += not _text_of(paragraph, "context")
        for question in member(paragraph, "qas", list, place):
            qas_id = member(question, "id", str, f"{place}: a question")
            answers = _read_answers(
                question, f"{place}, question {qas_id!r}", lacking, qas_id in predicted, with_negative
            )
            text = _text_of(question, "question")
            lacking["questions"] += not text
            seen[qas_id] += 1
            key = qas_id if with_negative else _key(qas_id, seen[qas_id], references)
            references[key] = Reference(qas_id, text, answers)
    if not references:
        raise InputError(f"{content.path}: contains no question; {REMEDY}.")
    lacking["distinct ids"] = seen.total() - len(seen)
    missing = ", ".join(f"{count} {name}" for name, count in lacking.items() if count)
    if missing:
        notice(f"{content.path}: scored as the official script does; missing: {missing}.")
    return references


def _read_answers(
    question: Any, place: str, lacking: Counter[str], predicted: bool, with_negative: bool
) -> tuple[str, ...]:
    if not predicted and not with_negative:
        lacking["answers"] += not question.get("answers")
        return ()
    answers = member(question, "answers", list, place)
    if not answers and not with_negative:
        raise InputError(
            f"{place}: has no reference answer; {REMEDY}, or --version-2-with-negative if questions may have "
            "none."
        )
    texts = tuple(member(answer, "text", str, place) for answer in answers)
    lacking["positions of answers"] += sum("answer_start" not in answer for answer in answers)
    return texts


def _text_of(holder: Any, key: str) -> str:
    """The text of a key; empty if there is none."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _key(qas_id: str, number: int, taken: Container[str]) -> str:
    key = qas_id if number == 1 else f"{qas_id} ({number})"
    return key if key not in taken else _key(qas_id, number + 1, taken)
