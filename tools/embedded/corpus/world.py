"""The entities of the synthetic corpus: people, towns, ships, goods, dates, composed from parts."""

from dataclasses import dataclass

from tools.embedded.corpus.dice import Dice

RESERVED_SHARE = 0.5  # of the composed names in held-out text that training text never holds


def _words(text: str) -> list[str]:
    return text.split()


_WOMEN = _words(
    "Alia Berith Clara Dora Elina Flora Greta Hilda Ida Judith Karin Lena Mina Nora Olga Petra Ruth Selma "
    "Thea Ursula Vera Wanda"
)
_MEN = _words(
    "Albert Boris Carl David Edgar Frank Georg Hugo Ivan Jakob Karl Lukas Martin Nils Oscar Paul Ralf Simon "
    "Thomas Urban Viktor Walter"
)
_FAMILY = _words("Ash Black Brad Carl Cold Dun Earn Fair Glen Hard")
_FAMILY_ENDS = _words("man son well ley wick low kin gate")
_FAMILIES = [first + second for first in _FAMILY for second in _FAMILY_ENDS]
_PLACE = _words("Amber Bar Clay Deep Elm Fox Gold High King Lin Mill North Otter Raven Stone Wolf")
_PLACE_ENDS = _words("bury holt haven mouth port ton dale by")
_SHIP = _words("Silver Grey Golden Proud Brave Lucky Swift Quiet Bright Lonely Merry Royal")
_BIRD = _words("Heron Gull Falcon Swallow Dolphin Star Lion Arrow Tiger Queen Maiden Comet")
_AGE = _words("old new long great small lower upper round wooden eastern")
_BUILDING = _words("mill bridge market school tower chapel inn library hospital theatre")
_COLOUR = _words("red green blue white black yellow brown purple orange pink")
_CONTAINER = _words("box chest basket jar trunk sack case barrel drawer crate")
_GOODS = _words("barley wool salt silk tea copper glass paper honey timber coal iron")
_GOODS_STATE = _words("raw fine dried coarse foreign local cheap dark")
_LANDMARK_STATE = _words("Misty Frozen Broken Hidden Windy Bitter Twin Painted Empty Silent")
_LANDMARK = _words("Lake Ridge Valley Glacier Pass Canyon Marsh Island Cave Plateau")
_SIDE = _words("north south east west front back")
_ROOM = _words("room hall cellar attic gallery office")
_MATERIAL = _words("brick slate marble granite oak clay lead tin straw tile")
_TRADE = _words(
    "baker carpenter doctor farmer gardener hunter lawyer miner painter potter sailor singer tailor teacher "
    "weaver writer"
)
_MONTH = _words("January February March April May June July August September October November December")


@dataclass(frozen=True)
class Entity:
    """Something a question can ask for.

    Attributes:
      kind: what it is a candidate for ("person", "town", "year", ...).
      text: how it is written.
      pronoun: the word that takes its place in a sentence that goes on about it.
      shorter: part of `text` that would do as an answer too; empty where there is none.
      order: its place among its kind, where that is a quantity or a date.
    """

    kind: str
    text: str
    pronoun: str = "it"
    shorter: str = ""
    order: int = 0


# kind -> (text before, first parts, text between, second parts)
_COMPOSED = {
    "town": ("", _PLACE, "", _PLACE_ENDS),
    "ship": ("the ", _SHIP, " ", _BIRD),
    "building": ("the ", _AGE, " ", _BUILDING),
    "container": ("the ", _COLOUR, " ", _CONTAINER),
    "goods": ("", _GOODS_STATE, " ", _GOODS),
    "landmark": ("", _LANDMARK_STATE, " ", _LANDMARK),
    "room": ("the ", _SIDE, " ", _ROOM),
}
_LISTED = {"material": _MATERIAL, "trade": _TRADE, "colour": _COLOUR}
# kind -> (lowest, highest, text before, text after)
_COUNTED = {
    "year": (1700, 1899, "", ""),
    "weight": (11, 99, "", " pounds"),
    "price": (110, 990, "", " crowns"),
    "distance": (11, 99, "", " miles"),
    "crowd": (1000, 9999, "", " people"),
}


def is_reserved(first: int, second: int) -> bool:
    """Whether the name composed of these parts (by index) may appear in held-out text only."""
    return (first + 2 * second) % 5 == 0


class World:
    """Draws entities, none of them twice."""

    def __init__(self, dice: Dice, *, held_out: bool) -> None:
        self._dice = dice
        self._held_out = held_out
        self._used: set[str] = set()

    def draw(self, kind: str) -> Entity:
        """A new entity of the kind."""
        while True:
            entity = self._candidate(kind)
            if entity.text not in self._used:
                self._used.add(entity.text)
                return entity

    def _candidate(self, kind: str) -> Entity:
        if kind == "person":
            return self._person()
        if kind in _COMPOSED:
            before, firsts, between, seconds = _COMPOSED[kind]
            first, second = self._parts(firsts, seconds)
            return Entity(kind, f"{before}{first}{between}{second}")
        if kind in _LISTED:
            return Entity(kind, self._dice.choice(_LISTED[kind]))
        if kind == "date":
            day, month = 1 + self._dice.below(28), self._dice.below(12)
            return Entity(kind, f"{day} {_MONTH[month]}", order=100 * month + day)
        lowest, highest, before, after = _COUNTED[kind]
        number = lowest + self._dice.below(highest - lowest + 1)
        return Entity(kind, f"{before}{number}{after}", shorter=str(number), order=number)

    def _person(self) -> Entity:
        feminine = self._dice.chance(0.5)
        given, family = self._parts(_WOMEN if feminine else _MEN, _FAMILIES)
        return Entity("person", f"{given} {family}", "she" if feminine else "he", family)

    def _parts(self, firsts: list[str], seconds: list[str]) -> tuple[str, str]:
        wanted = self._held_out and self._dice.chance(RESERVED_SHARE)
        while True:
            first, second = self._dice.below(len(firsts)), self._dice.below(len(seconds))
            if is_reserved(first, second) == wanted:
                return firsts[first], seconds[second]
