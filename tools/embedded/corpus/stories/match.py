"""Reports of a ball match between two towns: roles, colours, results and goals."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{o} kept goal for {s}", "{s} had {o} between the posts", "the gloves of {s} were worn by {o}"),
        ("{o} was the goalkeeper of {s}", "{o} made the saves for {s}"),
        ("Who was the goalkeeper of {s}?", "Who made the saves for {s}?"),
        ("Whose goalkeeper was {o}?", "For which town did {o} make saves?"),
        "the town whose goalkeeper was {o}",
    ),
    Relation(
        "person",
        ("{o} led {s} onto the field", "{s} followed {o} onto the field", "the armband of {s} went to {o}"),
        ("{o} was the captain of {s}", "{o} commanded {s}"),
        ("Who was the captain of {s}?", "Who commanded {s}?"),
        ("Whose captain was {o}?", "Which side did {o} command?"),
        "the town whose captain was {o}",
    ),
    Relation(
        "person",
        ("{o} prepared {s} for the game", "{s} learned to play from {o}", "{s} had {o} as teacher"),
        ("{o} was the coach of {s}", "{o} trained {s}"),
        ("Who was the coach of {s}?", "Who trained {s}?"),
        ("Whose coach was {o}?", "Which side did {o} train?"),
        "the town whose coach was {o}",
    ),
    Relation(
        "person",
        ("{o} hurt a knee playing for {s}", "{s} lost {o} with a bad knee", "{o} of {s} was carried away"),
        ("{o} was the injured player of {s}", "{s} had to replace {o}"),
        ("Who was the injured player of {s}?", "Whom did {s} have to replace?"),
        ("Whose injured player was {o}?", "Which side had to replace {o}?"),
    ),
    Relation(
        "person",
        ("{o} waited on the bench for {s}", "{s} kept {o} out of the game", "{s} did not use {o}"),
        ("{o} was the reserve of {s}", "{o} never played for {s}"),
        ("Who was the reserve of {s}?", "Who never played for {s}?"),
        ("Whose reserve was {o}?", "For which town did {o} never play?"),
    ),
    Relation(
        "colour",
        ("{s} wore {o}", "{s} came in {o} shirts", "the shirts of {s} were {o}"),
        ("{s} was dressed in {o}", "{o} was the colour of {s}"),
        ("In what was {s} dressed?", "What was the colour of {s}?"),
        ("Who was dressed in {o}?", "Whose colour was {o}?"),
        "the town dressed in {o}",
    ),
    Relation(
        "colour",
        ("{s} waved {o} flags", "the flags of {s} were {o}", "{s} had flags of {o}"),
        ("the supporters of {s} showed {o}", "the banner of {s} was {o}"),
        ("What did the supporters of {s} show?", "What was the banner of {s} like?"),
        ("Whose banner was {o}?", "Whose supporters showed {o}?"),
    ),
    Relation(
        "year",
        ("{s} had last won the cup in {o}", "the cup had been with {s} in {o}"),
        ("the title went to {s} in {o}", "{s} was champion in {o}"),
        ("When did the title go to {s}?", "In which year was {s} champion?"),
        ("Who was champion in {o}?",),
        asks_most=("Which town was the latest champion?",),
        asks_least=("Which town was the earliest champion?",),
    ),
    Relation(
        "crowd",
        ("{s} brought {o}", "{o} came to sing for {s}", "{s} was cheered by {o}"),
        ("the supporters of {s} were {o}", "{s} had a following of {o}"),
        ("How many were the supporters of {s}?", "How large was the following of {s}?"),
        ("Who had a following of {o}?",),
    ),
)

MATCH = Story(
    title="Match_reports",
    subject_kind="town",
    openings=(
        "{person} blew the whistle at the cup game.",
        "The cup game of {year} was played in the rain.",
        "The referee of the cup game was {person}.",
    ),
    relations=_RELATIONS,
    order_kind="person",
    order=Order(
        (
            "the goals came from {a}, then {b} and finally {c}",
            "{a} scored early, {b} soon did the same and {c} closed the score",
            "{c} scored after {b}, and {b} had scored after {a}",
        ),
        ("Who got the first goal?", "Who opened the scoring?"),
        ("Who got the second goal?", "Which scorer was in the middle?"),
        ("Who got the last goal?", "Who ended the scoring?"),
        ("Who got the goal just after {x}?",),
        ("Who got the goal just before {x}?",),
    ),
    odd_one_out=OddOneOut(
        (
            "the flu was in {y} and {z} but not in {x}",
            "{y} and {z} had men down with flu, but {x} had none",
            "there was no flu in {x}, unlike {y} and {z}",
        ),
        ("Which town was healthy?", "Where was nobody ill?"),
        (
            "the flu was in {x} but not in {y} and {z}",
            "{x} had men down with flu, but {y} and {z} had none",
            "there was no flu in {y} and {z}, unlike {x}",
        ),
        ("Which town suffered from illness?", "Where were players ill?"),
    ),
    contrast=Contrast(
        ("{more} beat {less}", "{less} lost to {more}", "{more} was too strong for {less}"),
        ("Which side won?", "Who was the victor?"),
        ("Which side was defeated?", "Who failed?"),
    ),
)
