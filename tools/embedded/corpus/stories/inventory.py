"""The inventory of a museum's containers: contents, givers and makers, rooms, weights and prices."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "goods",
        ("{s} held {o}", "inside {s} was {o}", "{s} was full of {o}"),
        ("{s} contained {o}", "{o} was stored in {s}"),
        ("What did {s} contain?", "What was stored in {s}?"),
        ("What contained {o}?", "In what was {o} stored?"),
        "the item that contained {o}",
    ),
    Relation(
        "goods",
        ("{s} was found under {o}", "over {s} lay {o}", "{s} stood below {o}"),
        ("{s} was hidden by {o}", "{o} was on top of {s}"),
        ("By what was {s} hidden?", "What was on top of {s}?"),
        ("What was hidden by {o}?", "Which item had {o} on top?"),
    ),
    Relation(
        "person",
        ("{o} gave {s} to the museum", "{s} was a present from {o}", "{s} was left to the museum by {o}"),
        ("{o} donated {s}", "{o} was the donor of {s}"),
        ("Who donated {s}?", "Who was the donor of {s}?"),
        ("What did {o} donate?", "Of which item was {o} the donor?"),
        "the item donated by {o}",
    ),
    Relation(
        "person",
        ("{s} was made by {o}", "{s} came from the workshop of {o}", "{s} was the work of {o}"),
        ("{o} produced {s}", "{o} was the creator of {s}"),
        ("Who produced {s}?", "Who was the creator of {s}?"),
        ("What did {o} produce?", "Of which item was {o} the creator?"),
        "the item produced by {o}",
    ),
    Relation(
        "person",
        ("{o} put new paint on {s}", "{s} was painted by {o}", "the brush of {o} was used on {s}"),
        ("{o} decorated {s}", "{s} was coloured by {o}"),
        ("Who decorated {s}?", "By whom was {s} coloured?"),
        ("What did {o} decorate?", "Which item was coloured by {o}?"),
        "the item decorated by {o}",
    ),
    Relation(
        "person",
        ("{o} found {s}", "{s} came to light thanks to {o}", "{o} dug up {s}"),
        ("{o} discovered {s}", "{s} was a discovery of {o}"),
        ("Who discovered {s}?", "Whose discovery was {s}?"),
        ("What did {o} discover?", "Which item was a discovery of {o}?"),
        "the item discovered by {o}",
    ),
    Relation(
        "room",
        ("{s} stood in {o}", "{o} was the place of {s}", "{s} was put in {o}"),
        ("{s} was kept in {o}", "{s} was on show in {o}"),
        ("Where was {s} kept?", "Where was {s} on show?"),
        ("What was kept in {o}?", "Which item was on show in {o}?"),
        "the item kept in {o}",
    ),
    Relation(
        "weight",
        ("{s} weighed {o}", "the scales showed {o} for {s}", "{s} brought {o} to the scales"),
        ("{s} was {o} heavy", "the load of {s} was {o}"),
        ("How heavy was {s}?", "How much of a load was {s}?"),
        ("What was {o} heavy?",),
        asks_most=("What was the heaviest?",),
        asks_least=("What was the lightest?",),
    ),
    Relation(
        "price",
        ("{s} cost {o}", "{o} was paid for {s}", "{s} was sold for {o}"),
        ("the price of {s} was {o}", "{s} was worth {o}"),
        ("What was the price of {s}?", "How much was {s} worth?"),
        ("What was worth {o}?",),
        asks_most=("What was the most expensive?",),
        asks_least=("What was the cheapest?",),
    ),
)

INVENTORY = Story(
    title="Inventories",
    subject_kind="container",
    openings=(
        "The museum of {town} was listed in {year}.",
        "{person} made this list for the museum in {town}.",
        "The museum of {town} has many old things.",
    ),
    relations=_RELATIONS,
    order_kind="",
    order=Order(
        (
            "the list began with {a}, then named {b} and finally {c}",
            "{a} had number one, {b} number two and {c} number three",
            "in the list {c} came under {b}, and {b} came under {a}",
        ),
        ("Which entry was the first?", "What was at the head of the catalogue?"),
        ("Which entry was the second?", "What was in the middle of the catalogue?"),
        ("Which entry was the last?", "What was at the end of the catalogue?"),
        ("Which entry followed {x}?", "What was just after {x} in the catalogue?"),
        ("Which entry preceded {x}?", "What was just before {x} in the catalogue?"),
    ),
    odd_one_out=OddOneOut(
        (
            "{y} and {z} were locked, but {x} was not",
            "{x} had no lock, unlike {y} and {z}",
            "a key was needed for {y} and {z} but not for {x}",
        ),
        ("What could be opened by anyone?", "What was left open?"),
        (
            "{x} was locked, but {y} and {z} were not",
            "{y} and {z} had no lock, unlike {x}",
            "a key was needed for {x} but not for {y} and {z}",
        ),
        ("What could not be opened by anyone?", "What was secured?"),
    ),
    contrast=Contrast(
        (
            "{more} was larger than {less}",
            "{less} was smaller than {more}",
            "{more} had more room than {less}",
        ),
        ("Which was the bigger one?", "What had the greater size?"),
        ("Which was the little one?", "What had the lesser size?"),
    ),
)
