"""The tree of a family: parents and guardians, heirs and namesakes, farms and years."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{s} was the child of {o}", "{o} gave life to {s}", "{s} was the little one of {o}"),
        ("{o} was the parent of {s}", "{s} descended from {o}"),
        ("Who was the parent of {s}?", "From whom did {s} descend?"),
        ("Whose parent was {o}?", "Who descended from {o}?"),
        "the person who descended from {o}",
    ),
    Relation(
        "person",
        ("{o} took the orphan {s} in", "{s} was brought up by {o}", "{s} grew up in the house of {o}"),
        ("{o} was the guardian of {s}", "{o} cared for young {s}"),
        ("Who was the guardian of {s}?", "Who cared for young {s}?"),
        ("For whom did {o} care?", "Whose guardian was {o}?"),
        "the person whose guardian was {o}",
    ),
    Relation(
        "person",
        ("{s} left the land to {o}", "the land of {s} went to {o}", "{o} got the land of {s}"),
        ("{o} was the heir of {s}", "{o} inherited from {s}"),
        ("Who was the heir of {s}?", "Who inherited from {s}?"),
        ("From whom did {o} inherit?", "Whose heir was {o}?"),
        "the person whose heir was {o}",
    ),
    Relation(
        "person",
        ("{s} married {o}", "{o} gave a ring to {s}", "the wedding of {s} was with {o}"),
        ("{o} was the partner of {s}", "{o} was wed to {s}"),
        ("Who was the partner of {s}?", "Who was wed to {s}?"),
        (),
        "the partner of {o}",
    ),
    Relation(
        "person",
        ("{s} got the name in honour of {o}", "{s} was called after {o}", "{o} lent a name to {s}"),
        ("{o} was the namesake of {s}", "the parents named {s} for {o}"),
        ("Who was the namesake of {s}?", "For whom did the parents name {s}?"),
        ("Whose namesake was {o}?",),
    ),
    Relation(
        "town",
        ("{s} had a farm near {o}", "{s} worked the fields of {o}", "{o} had the farm of {s}"),
        ("{s} kept cows at {o}", "{s} raised crops at {o}"),
        ("Where did {s} keep cows?", "Where did {s} raise crops?"),
        ("Who kept cows at {o}?", "Who raised crops at {o}?"),
        "the person who raised crops at {o}",
    ),
    Relation(
        "town",
        ("{s} was sent to school at {o}", "{s} sat in class at {o}", "{o} had the old school of {s}"),
        ("{s} was educated in {o}", "{s} learned to read in {o}"),
        ("Where was {s} educated?", "Where did {s} learn to read?"),
        ("Who was educated in {o}?", "Who learned to read in {o}?"),
        "the person educated in {o}",
    ),
    Relation(
        "year",
        ("{s} was born in {o}", "{s} came into the world in {o}"),
        ("the birth of {s} was in {o}", "the life of {s} began in {o}"),
        ("When was the birth of {s}?", "In which year did the life of {s} begin?"),
        ("Whose birth was in {o}?",),
        asks_most=("Who was the youngest?",),
        asks_least=("Who was the oldest?",),
    ),
    Relation(
        "year",
        ("{s} crossed the ocean in {o}", "{s} took a ship to the new world in {o}"),
        ("{s} emigrated in {o}", "{s} left the country in {o}"),
        ("When did {s} emigrate?", "In which year did {s} leave the country?"),
        ("Who emigrated in {o}?",),
    ),
    Relation(
        "price",
        ("{s} owed {o}", "{s} had {o} to pay back", "the bank wanted {o} back from {s}"),
        ("the debts of {s} were {o}", "{s} had borrowed {o}"),
        ("How large were the debts of {s}?", "How much had {s} borrowed?"),
        ("Who had borrowed {o}?",),
        asks_most=("Who had the largest debts?",),
        asks_least=("Who had the smallest debts?",),
    ),
)

FAMILY = Story(
    title="Family_trees",
    subject_kind="person",
    openings=(
        "This family came from {town} before {year}.",
        "{person} of {town} wrote down this family tree.",
        "The family is still known in {town}.",
    ),
    relations=_RELATIONS,
    order_kind="person",
    order=Order(
        (
            "the farm went from {a} to {b} and from {b} to {c}",
            "{a} ran the farm until {b} took over, and {b} made way for {c}",
            "{c} had the farm after {b}, and {b} had had it after {a}",
        ),
        ("Who was the first to run the farm?", "Who was the earliest farmer?"),
        ("Who was the second to run the farm?", "Which farmer was in the middle?"),
        ("Who was the last to run the farm?", "Who was the latest farmer?"),
        ("Who was the successor of {x}?", "Who ran the farm just after {x}?"),
        ("Who was the predecessor of {x}?", "Who ran the farm just before {x}?"),
    ),
    odd_one_out=OddOneOut(
        (
            "{y} and {z} could sing, but {x} could not",
            "{x} could not sing, unlike {y} and {z}",
            "{y} as well as {z} had a good voice while {x} had not",
        ),
        ("Who was no use for music?", "Who was bad at songs?"),
        (
            "{x} could sing, but {y} and {z} could not",
            "{y} and {z} could not sing, unlike {x}",
            "{x} had a good voice while {y} and {z} had not",
        ),
        ("Who was of use for music?", "Who was good at songs?"),
    ),
    contrast=Contrast(
        ("{more} was taller than {less}", "{less} was shorter than {more}", "{more} looked down on {less}"),
        ("Who was the bigger of the two?", "Who had the greater height?"),
        ("Who was the smaller of the two?", "Who had the lesser height?"),
    ),
)
