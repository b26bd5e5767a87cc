"""What a paragraph type is: its relations, its special passages, and their wordings, read from `stories/`.

In all wordings `{s}` is the subject of a relation and `{o}` its object. Statements are clauses: no capital
at the start, no full stop. Questions use other words than the statements of the same relation; what links
the two is the relation itself, and `retellings`, which say the fact in the questions' words and stand in
the plain text and the paraphrase pairs only.
"""

import functools
import tomllib
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

FOLDER = Path(__file__).with_name("stories")
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class Relation:
    """A fact that a subject can have.

    Attributes:
      object_kind: the kind of entity `{o}` is.
      statements: how paragraphs say it.
      retellings: the same in the questions' words.
      asks_object: questions that `{o}` answers.
      asks_subject: questions that `{s}` answers, and so also "the one that ..." of two-step questions.
      describes: stands for `{s}` in a two-step question ("the ship that carried {o}").
      asks_most, asks_least: questions that the subject with the largest or smallest `{o}` answers.
    """

    object_kind: str
    statements: tuple[str, ...]
    retellings: tuple[str, ...]
    asks_object: tuple[str, ...]
    asks_subject: tuple[str, ...] = ()
    describes: str = ""
    asks_most: tuple[str, ...] = ()
    asks_least: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Order:
    """A passage that puts three entities `{a}`, `{b}`, `{c}` in order, and the questions on it."""

    statements: tuple[str, ...]
    asks_first: tuple[str, ...]
    asks_second: tuple[str, ...]
    asks_third: tuple[str, ...]
    asks_after: tuple[str, ...]  # {x} stands just before the answer
    asks_before: tuple[str, ...]  # {x} stands just after the answer


@dataclass(frozen=True, config=STRICT)
class OddOneOut:
    """A passage in which one subject `{x}` differs from two others, `{y}` and `{z}`."""

    lacking: tuple[str, ...]  # only {x} lacks the property
    asks_lacking: tuple[str, ...]
    having: tuple[str, ...]  # only {x} has it
    asks_having: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Contrast:
    """A passage that says which of two subjects has more of something, from either side."""

    statements: tuple[str, ...]  # {more} and {less}
    asks_more: tuple[str, ...]
    asks_less: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Story:
    """A paragraph type.

    Attributes:
      title: the article's title.
      openings: first sentences; a slot named after a kind holds an entity that is never an answer.
      subject_kind: what the paragraph is about, and `noun`, the word for it.
      order_kind: what the order passage is about ("" for the subjects themselves).
    """

    title: str
    subject_kind: str
    openings: tuple[str, ...]
    relations: tuple[Relation, ...]
    order: Order
    order_kind: str
    odd_one_out: OddOneOut
    contrast: Contrast


@functools.cache
def load_stories() -> tuple[Story, ...]:
    """Every paragraph type, one file of `stories/` each, by file name."""
    files = sorted(FOLDER.glob("*.toml"))
    story = TypeAdapter(Story)
    return tuple(story.validate_python(tomllib.loads(file.read_text(encoding="utf-8"))) for file in files)
