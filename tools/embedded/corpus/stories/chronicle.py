"""The chronicle of a town: who built, paid for, bought and repaired its buildings, and when."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{s} was built by {o}", "{o} raised {s}", "{s} was the work of {o}"),
        ("{o} put up {s}", "{s} had {o} as its architect", "{o} designed {s}"),
        ("Who put up {s}?", "Who was the architect of {s}?", "Who designed {s}?"),
        ("What did {o} put up?", "Which building did {o} design?"),
        "the building designed by {o}",
    ),
    Relation(
        "person",
        ("{o} paid for {s}", "the bill for {s} went to {o}", "{s} was a present from {o}"),
        ("{o} funded {s}", "{s} was financed by {o}", "{o} was the patron of {s}"),
        ("Who funded {s}?", "By whom was {s} financed?", "Who was the patron of {s}?"),
        ("What did {o} fund?", "Which building did {o} finance?"),
        "the building financed by {o}",
    ),
    Relation(
        "person",
        ("{s} was sold to {o}", "{o} bought {s}", "{s} passed into the hands of {o}"),
        ("{o} purchased {s}", "{o} became the owner of {s}", "{s} belonged to {o}"),
        ("Who purchased {s}?", "Who became the owner of {s}?", "To whom did {s} belong?"),
        ("What did {o} purchase?", "Which building belonged to {o}?"),
        "the building owned by {o}",
    ),
    Relation(
        "person",
        ("{o} repaired {s}", "{s} was mended by {o}", "{s} was made good by {o}"),
        ("{o} restored {s}", "{s} was renewed by {o}"),
        ("Who restored {s}?", "By whom was {s} renewed?"),
        ("What did {o} restore?", "Which building did {o} renew?"),
        "the building renewed by {o}",
    ),
    Relation(
        "person",
        ("{o} kept the keys of {s}", "{s} was under the eyes of {o}", "{s} was in the care of {o}"),
        ("{o} was the warden of {s}", "{o} guarded {s}"),
        ("Who was the warden of {s}?", "Who guarded {s}?"),
        ("What did {o} guard?", "Of which building was {o} the warden?"),
        "the building guarded by {o}",
    ),
    Relation(
        "year",
        ("{s} opened in {o}", "the doors of {s} were first open in {o}", "{s} dates from {o}"),
        ("{s} came into use in {o}", "the history of {s} began in {o}"),
        ("When did {s} come into use?", "In which year did the history of {s} begin?"),
        ("What came into use in {o}?", "Which building has a history that began in {o}?"),
        asks_most=("Which building was the newest?",),
        asks_least=("Which building was the most ancient?",),
    ),
    Relation(
        "year",
        ("{s} burned in {o}", "fire took {s} in {o}", "{s} went up in flames in {o}"),
        ("{s} was destroyed in {o}", "the end of {s} came in {o}"),
        ("When was {s} destroyed?", "In which year did the end of {s} come?"),
        ("What was destroyed in {o}?", "Which building met its end in {o}?"),
    ),
    Relation(
        "material",
        ("{s} had walls of {o}", "the sides of {s} were of {o}", "{s} stood on walls of {o}"),
        ("{s} was constructed of {o}", "{o} was the material of {s}"),
        ("Of what was {s} constructed?", "What was the material of {s}?"),
        ("What was constructed of {o}?", "Whose material was {o}?"),
        "the building constructed of {o}",
    ),
    Relation(
        "material",
        ("{s} had a roof of {o}", "the roof of {s} was of {o}", "{s} was roofed with {o}"),
        ("{s} was covered with {o}", "{o} was on top of {s}"),
        ("With what was {s} covered?", "What was on top of {s}?"),
        ("What was covered with {o}?", "Which building had {o} on top?"),
    ),
)

CHRONICLE = Story(
    title="Town_chronicles",
    subject_kind="building",
    openings=(
        "The chronicle of {town} was begun in {year}.",
        "{person} kept the chronicle of {town}.",
        "Much was written about {town} over the years.",
    ),
    relations=_RELATIONS,
    order_kind="person",
    order=Order(
        (
            "the mayor was {a}, then {b} and finally {c}",
            "{a} was mayor until {b} took over, and {b} made way for {c}",
            "{c} was mayor after {b}, and {b} had been mayor after {a}",
        ),
        ("Who was the first to head the town?", "Who was the earliest mayor?"),
        ("Who was the second to head the town?", "Which mayor served in the middle?"),
        ("Who was the last to head the town?", "Who was the latest mayor?"),
        ("Who was the successor of {x}?", "Who headed the town just after {x}?"),
        ("Who was the predecessor of {x}?", "Who headed the town just before {x}?"),
    ),
    odd_one_out=OddOneOut(
        (
            "{y} and {z} were safe in the flood, but {x} was not",
            "the flood did not touch {y} and {z}, but it reached {x}",
            "of the three only {x} was not safe in the flood, unlike {y} and {z}",
        ),
        ("Which building was damaged by water?", "What suffered from the flood?"),
        (
            "{x} was safe in the flood, but {y} and {z} were not",
            "the flood did not touch {x}, but it reached {y} and {z}",
            "of the three only {x} was safe in the flood, unlike {y} and {z}",
        ),
        ("Which building escaped the water?", "What survived the flood?"),
    ),
    contrast=Contrast(
        ("{more} was higher than {less}", "{less} was lower than {more}", "{more} rose above {less}"),
        ("Which building was the taller one?", "What had the greater height?"),
        ("Which building was the shorter one?", "What had the smaller height?"),
    ),
)
