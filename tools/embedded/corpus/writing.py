"""Sentences from wordings and entities, with the place of every entity kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from tools.embedded.corpus.world import Entity


@dataclass(frozen=True)
class Mention:
    """An entity's place in a text: `text[start:start + len(entity.text)]`, but for a sentence's capital."""

    start: int
    entity: Entity


@dataclass(frozen=True)
class Clause:
    """A wording and what fills its slots; a plain string there is no mention (a pronoun)."""

    wording: str
    slots: Mapping[str, Entity | str]


class Writer:
    """A text as it grows, and the mentions in it."""

    def __init__(self) -> None:
        self.text = ""
        self.mentions: list[Mention] = []

    def add_sentence(self, clauses: Sequence[Clause], joints: Sequence[str] = ()) -> None:
        """Append one sentence of clauses with `joints` between them."""
        if self.text:
            self.text += " "
        start = len(self.text)
        for joint, clause in zip(("", *joints), clauses, strict=True):
            self.text += joint
            self._add_clause(clause)
        self.text = f"{self.text[:start]}{self.text[start].upper()}{self.text[start + 1 :]}"
        if not self.text.endswith("."):
            self.text += "."

    def last_mention(self, entity: Entity, end: int) -> Mention:
        """The last mention of the entity that starts before `end`."""
        return next(
            mention for mention in reversed(self.mentions) if mention.entity == entity and mention.start < end
        )

    def _add_clause(self, clause: Clause) -> None:
        for literal, slot, _, _ in Formatter().parse(clause.wording):
            self.text += literal
            if slot is None:
                continue
            filling = clause.slots[slot]
            if isinstance(filling, Entity):
                self.mentions.append(Mention(len(self.text), filling))
                filling = filling.text
            self.text += filling


def render(wording: str, slots: Mapping[str, Entity | str]) -> str:
    """One clause or question as plain text, the first letter a capital."""
    text = wording.format_map({name: getattr(value, "text", value) for name, value in slots.items()})
    return text[0].upper() + text[1:]
