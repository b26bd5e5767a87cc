"""Logs of an expedition: who found, mapped and named each place, when, and how far it was."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{o} was the first to see {s}", "{s} was first seen by {o}", "{s} came into the sight of {o}"),
        ("{o} discovered {s}", "{s} was a discovery of {o}"),
        ("Who discovered {s}?", "Whose discovery was {s}?"),
        ("What did {o} discover?", "Which place was a discovery of {o}?"),
        "the place discovered by {o}",
    ),
    Relation(
        "person",
        ("{o} drew the map of {s}", "{s} was put on paper by {o}", "the lines of {s} were drawn by {o}"),
        ("{o} charted {s}", "{o} was the cartographer of {s}"),
        ("Who charted {s}?", "Who was the cartographer of {s}?"),
        ("What did {o} chart?", "Of which place was {o} the cartographer?"),
        "the place charted by {o}",
    ),
    Relation(
        "person",
        ("{o} fell ill at {s}", "{s} was too much for {o}", "at {s} a fever took {o}"),
        ("{o} became sick near {s}", "{o} had to rest near {s}"),
        ("Who became sick near {s}?", "Who had to rest near {s}?"),
        ("Near what did {o} become sick?", "Near which place did {o} have to rest?"),
        "the place where {o} became sick",
    ),
    Relation(
        "person",
        (
            "{o} showed the way to {s}",
            "the path to {s} was known to {o}",
            "{s} was reached with {o} in front",
        ),
        ("{o} was the guide to {s}", "{o} directed the party to {s}"),
        ("Who was the guide to {s}?", "Who directed the party to {s}?"),
        ("Where did {o} direct the party?", "To which place was {o} the guide?"),
    ),
    Relation(
        "person",
        ("{o} made the meals at {s}", "at {s} the pots were in the hands of {o}", "{s} saw {o} at the fire"),
        ("{o} cooked near {s}", "{o} prepared the food near {s}"),
        ("Who cooked near {s}?", "Who prepared the food near {s}?"),
        ("Near what did {o} cook?", "Near which place did {o} prepare the food?"),
    ),
    Relation(
        "date",
        ("the tents were put up at {s} on {o}", "the party got to {s} on {o}"),
        ("the arrival at {s} was on {o}", "{s} was reached on {o}"),
        ("When was the arrival at {s}?", "On what day was {s} reached?"),
        ("What was reached on {o}?",),
        "the place reached on {o}",
    ),
    Relation(
        "date",
        ("the party left {s} on {o}", "the tents came down at {s} on {o}"),
        ("the departure from {s} was on {o}", "the stay at {s} ended on {o}"),
        ("When was the departure from {s}?", "On what day did the stay at {s} end?"),
        ("The stay at which place ended on {o}?",),
    ),
    Relation(
        "distance",
        ("{s} was {o} from the coast", "{o} lay between {s} and the coast"),
        ("the sea was {o} away from {s}", "{s} was {o} inland"),
        ("How far away from {s} was the sea?", "How far inland was {s}?"),
        ("What was {o} inland?",),
        asks_most=("What was farthest from the sea?",),
        asks_least=("What was nearest to the sea?",),
    ),
    Relation(
        "goods",
        ("{s} was rich in {o}", "there was {o} at {s}", "the men dug for {o} at {s}"),
        ("{o} was found near {s}", "{s} was a source of {o}"),
        ("What was found near {s}?", "Of what was {s} a source?"),
        ("What was a source of {o}?", "Near which place was {o} found?"),
        "the place that was a source of {o}",
    ),
)

EXPEDITION = Story(
    title="Expedition_logs",
    subject_kind="landmark",
    openings=(
        "{person} of {town} wrote this log.",
        "The party set out from {town} in {year}.",
        "In {year} the party had a hard summer.",
    ),
    relations=_RELATIONS,
    order_kind="",
    order=Order(
        (
            "the way went by {a}, then {b} and finally {c}",
            "from {a} the party marched to {b} and from there to {c}",
            "the party came to {c} only after {b}, and to {b} only after {a}",
        ),
        ("What was the first stop of the journey?", "Where did the journey begin?"),
        ("What was the second stop of the journey?", "What was in the middle of the journey?"),
        ("What was the last stop of the journey?", "Where did the journey end?"),
        ("What was the stop just after {x}?",),
        ("What was the stop just before {x}?",),
    ),
    odd_one_out=OddOneOut(
        (
            "there was snow on {y} and {z} but not on {x}",
            "{y} and {z} were white with snow, but {x} was not",
            "{x} had no snow, unlike {y} and {z}",
        ),
        ("Where was the ground clear?", "Which place was bare?"),
        (
            "there was snow on {x} but not on {y} and {z}",
            "{x} was white with snow, but {y} and {z} were not",
            "{y} and {z} had no snow, unlike {x}",
        ),
        ("Where was winter weather?", "Which place was wintry?"),
    ),
    contrast=Contrast(
        (
            "{more} was colder than {less}",
            "{less} was warmer than {more}",
            "{more} had more frost than {less}",
        ),
        ("Which place was the more icy one?", "Where was it more chilly?"),
        ("Which place was the less icy one?", "Where was it less chilly?"),
    ),
)
