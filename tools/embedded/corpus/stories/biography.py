"""Lives of two or three people: teachers, employers and rivals, places, trades and years."""

from tools.embedded.corpus.story import Contrast, OddOneOut, Order, Relation, Story

_RELATIONS = (
    Relation(
        "person",
        ("{s} learned the craft from {o}", "{o} was the teacher of {s}", "{s} was a pupil of {o}"),
        ("{o} trained {s}", "{s} studied under {o}", "{s} took the lessons of {o}"),
        ("Who trained {s}?", "Under whom did {s} study?", "Whose lessons did {s} take?"),
        ("Whom did {o} train?", "Who studied under {o}?"),
        "the person trained by {o}",
    ),
    Relation(
        "person",
        ("{s} worked for {o}", "{o} gave a post to {s}", "{s} was in the service of {o}"),
        ("{o} hired {s}", "{o} was the employer of {s}", "{s} got wages from {o}"),
        ("Who hired {s}?", "Who was the employer of {s}?", "From whom did {s} get wages?"),
        ("Whom did {o} hire?", "Who got wages from {o}?"),
        "the person hired by {o}",
    ),
    Relation(
        "person",
        ("{o} paid for the travels of {s}", "{s} lived on the money of {o}", "the bills of {s} went to {o}"),
        ("{o} funded {s}", "{o} was the patron of {s}", "{s} was supported by {o}"),
        ("Who funded {s}?", "Who was the patron of {s}?", "By whom was {s} supported?"),
        ("Whom did {o} fund?", "Who was supported by {o}?"),
        "the person supported by {o}",
    ),
    Relation(
        "person",
        ("{s} lost the prize to {o}", "{o} beat {s} in a contest", "{s} came in behind {o}"),
        ("{o} defeated {s}", "{o} was the victor over {s}", "{s} could not match {o}"),
        ("Who defeated {s}?", "Who was the victor over {s}?", "Whom could {s} not match?"),
        ("Whom did {o} defeat?", "Who could not match {o}?"),
        "the person defeated by {o}",
    ),
    Relation(
        "town",
        ("{s} was born in {o}", "{s} came into the world at {o}", "{o} was where {s} first saw the light"),
        ("{o} was the home town of {s}", "{s} was a native of {o}"),
        ("What was the home town of {s}?", "Of which town was {s} a native?"),
        ("Who was a native of {o}?", "Whose home town was {o}?"),
        "the native of {o}",
    ),
    Relation(
        "town",
        ("{s} moved to {o}", "{s} settled in {o}", "{s} took a house in {o}"),
        ("{o} became the new home of {s}", "{s} went to live in {o}"),
        ("Which town became the new home of {s}?", "Where did {s} go to live?"),
        ("Who went to live in {o}?", "Who found a new home in {o}?"),
    ),
    Relation(
        "town",
        ("{s} died in {o}", "{s} was buried at {o}", "{o} has the grave of {s}"),
        ("the life of {s} ended in {o}", "{s} passed away in {o}"),
        ("Where did the life of {s} end?", "In which town did {s} pass away?"),
        ("Who passed away in {o}?", "Whose life ended in {o}?"),
    ),
    Relation(
        "trade",
        ("{s} worked as a {o}", "{s} was a {o}", "{s} made a living as a {o}"),
        ("the profession of {s} was that of a {o}", "{s} was a {o} by occupation"),
        ("What was the profession of {s}?", "What occupation did {s} have?"),
        ("Who was a {o} by profession?", "Whose occupation was that of a {o}?"),
        "the person whose profession was that of a {o}",
    ),
    Relation(
        "trade",
        ("{s} no longer wished to be a {o}", "{s} gave up the life of a {o}", "{s} had once been a {o}"),
        ("the former job of {s} was that of a {o}", "{s} began as a {o}"),
        ("What was the former job of {s}?", "As what did {s} begin?"),
        ("Who began as a {o}?", "Whose former job was that of a {o}?"),
    ),
    Relation(
        "year",
        ("{s} was made a member of the guild in {o}", "{s} joined the guild in {o}"),
        ("{s} became a master in {o}", "the career of {s} took off in {o}"),
        ("In which year did {s} become a master?", "When did the career of {s} take off?"),
        ("Who became a master in {o}?",),
    ),
    Relation(
        "year",
        ("{s} laid down the tools in {o}", "{s} stopped work in {o}"),
        ("{s} retired in {o}", "the career of {s} was over in {o}"),
        ("When did {s} retire?", "In which year was the career of {s} over?"),
        ("Who retired in {o}?",),
        asks_most=("Who was the last to retire?",),
        asks_least=("Who was the first to retire?",),
    ),
)

BIOGRAPHY = Story(
    title="Lives",
    subject_kind="person",
    openings=(
        "These lives were written down in {town} by {person}.",
        "{person} of {town} wrote about old friends in {year}.",
        "Few people in {town} are as well known.",
    ),
    relations=_RELATIONS,
    order_kind="town",
    order=Order(
        (
            "the friends met in {a}, then in {b} and finally in {c}",
            "from {a} the friends went on to {b} and from there to {c}",
            "the friends saw {c} only after {b}, and {b} only after {a}",
        ),
        ("Which town did the friends visit first?", "Where did the tour of the friends begin?"),
        ("Which town did the friends visit second?", "Which town was in the middle of the tour?"),
        ("Which town did the friends visit last?", "Where did the tour of the friends end?"),
        ("Which town did the friends visit just after {x}?",),
        ("Which town did the friends visit just before {x}?",),
    ),
    odd_one_out=OddOneOut(
        (
            "{y} and {z} were rich, but {x} was not",
            "{x} was never rich, unlike {y} and {z}",
            "{y} as well as {z} grew rich while {x} did not",
        ),
        ("Who remained poor?", "Who had no wealth?"),
        (
            "{x} was rich, but {y} and {z} were not",
            "{y} and {z} were never rich, unlike {x}",
            "{x} grew rich while {y} and {z} did not",
        ),
        ("Who was wealthy?", "Who had great wealth?"),
    ),
    contrast=Contrast(
        (
            "{more} was older than {less}",
            "{less} was younger than {more}",
            "{more} had more years than {less}",
        ),
        ("Who was the senior of the two?", "Who was born earlier?"),
        ("Who was the junior of the two?", "Who was born later?"),
    ),
)
