"""The ships of a harbour: masters and owners, ports, cargoes and dates."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{o} was the master of {s}", "{s} sailed under {o}", "{s} took orders from {o}"),
        ("{o} was the captain of {s}", "{o} commanded {s}"),
        ("Who was the captain of {s}?", "Who commanded {s}?"),
        ("Which ship did {o} command?", "Of which ship was {o} the captain?"),
        "the ship commanded by {o}",
    ),
    Relation(
        "person",
        ("{s} was bought by {o}", "{o} paid for {s}", "{s} was the property of {o}"),
        ("{o} was the owner of {s}", "{s} belonged to {o}"),
        ("Who was the owner of {s}?", "To whom did {s} belong?"),
        ("Which ship belonged to {o}?", "Of which ship was {o} the owner?"),
        "the ship that belonged to {o}",
    ),
    Relation(
        "person",
        ("{o} built {s}", "{s} came from the yard of {o}", "{s} was the work of {o}"),
        ("{o} constructed {s}", "{s} was designed by {o}"),
        ("Who constructed {s}?", "By whom was {s} designed?"),
        ("Which ship did {o} construct?", "Which ship was designed by {o}?"),
        "the ship designed by {o}",
    ),
    Relation(
        "person",
        ("{o} mended the sails of {s}", "the torn sails of {s} went to {o}", "{s} got sails from {o}"),
        ("{o} was the sailmaker of {s}", "{o} sewed for {s}"),
        ("Who was the sailmaker of {s}?", "Who sewed for {s}?"),
        ("For which ship did {o} sew?", "Of which ship was {o} the sailmaker?"),
        "the ship whose sailmaker was {o}",
    ),
    Relation(
        "town",
        ("{s} set sail from {o}", "{s} left {o}", "{o} saw {s} go out"),
        ("{s} departed from {o}", "the voyage of {s} began in {o}"),
        ("From where did {s} depart?", "Where did the voyage of {s} begin?"),
        ("Which ship departed from {o}?", "The voyage of which ship began in {o}?"),
        "the ship that departed from {o}",
    ),
    Relation(
        "town",
        ("{s} was bound for {o}", "{s} was on the way to {o}", "{o} waited for {s}"),
        ("the destination of {s} was {o}", "{s} headed for {o}"),
        ("What was the destination of {s}?", "For which town did {s} head?"),
        ("Which ship headed for {o}?", "Whose destination was {o}?"),
        "the ship that headed for {o}",
    ),
    Relation(
        "town",
        ("{s} took on water at {o}", "{s} stopped at {o}", "{o} gave water to {s}"),
        ("{s} called at {o}", "{s} broke its voyage at {o}"),
        ("Where did {s} call?", "Where did {s} break its voyage?"),
        ("Which ship called at {o}?", "Which ship broke its voyage at {o}?"),
    ),
    Relation(
        "goods",
        ("{s} carried {o}", "{s} was loaded with {o}", "the hold of {s} was full of {o}"),
        ("the cargo of {s} was {o}", "{o} was transported by {s}"),
        ("What was the cargo of {s}?", "What was transported by {s}?"),
        ("Which ship transported {o}?", "Whose cargo was {o}?"),
        "the ship that transported {o}",
    ),
    Relation(
        "goods",
        ("{s} threw {o} into the sea", "a wave swept {o} off {s}", "{s} was robbed of {o}"),
        ("{s} lost {o}", "{o} was missing from {s}"),
        ("What did {s} lose?", "What was missing from {s}?"),
        ("Which ship lost {o}?", "From which ship was {o} missing?"),
    ),
    Relation(
        "date",
        ("{s} raised the anchor on {o}", "{s} went to sea on {o}"),
        ("the departure of {s} was on {o}", "{s} started on {o}"),
        ("When was the departure of {s}?", "On what day did {s} start?"),
        ("Which ship started on {o}?",),
        asks_most=("Which ship started last?",),
        asks_least=("Which ship started first?",),
    ),
    Relation(
        "date",
        ("{s} dropped the anchor on {o}", "{s} came in on {o}"),
        ("the arrival of {s} was on {o}", "the journey of {s} was over on {o}"),
        ("When was the arrival of {s}?", "On what day was the journey of {s} over?"),
        ("The journey of which ship was over on {o}?",),
    ),
)

VOYAGE = Story(
    title="Harbour_books",
    subject_kind="ship",
    openings=(
        "The harbour book of {town} tells of the ships of {year}.",
        "{person} kept the harbour book of {town}.",
        "Many ships were seen in {town} that year.",
    ),
    relations=_RELATIONS,
    order_kind="",
    order=Order(
        (
            "the ships passed the light in line, {a}, then {b} and finally {c}",
            "{a} passed the light, {b} did so later and {c} later still",
            "{c} passed the light after {b}, and {b} had passed it after {a}",
        ),
        ("Which ship was the first in the row?", "Which ship led the row?"),
        ("Which ship was the second in the row?", "Which ship was in the middle of the row?"),
        ("Which ship was the last in the row?", "Which ship closed the row?"),
        ("Which ship followed {x}?", "Which ship was just after {x}?"),
        ("Which ship preceded {x}?", "Which ship was just before {x}?"),
    ),
    odd_one_out=OddOneOut(
        (
            "{y} and {z} got through the storm, but {x} did not",
            "{x} did not get through the storm, unlike {y} and {z}",
            "the storm spared {y} and {z} but not {x}",
        ),
        ("Which ship sank?", "Which ship was wrecked?"),
        (
            "{x} got through the storm, but {y} and {z} did not",
            "{y} and {z} did not get through the storm, unlike {x}",
            "the storm spared {x} but not {y} and {z}",
        ),
        ("Which ship survived?", "Which ship escaped harm?"),
    ),
    contrast=Contrast(
        ("{more} was faster than {less}", "{less} was slower than {more}", "{more} always outran {less}"),
        ("Which ship was the quicker one?", "Which ship had the greater speed?"),
        ("Which ship took more time?", "Which ship had the smaller speed?"),
    ),
)
