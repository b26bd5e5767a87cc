"""What a report answers first: accurate? fast? on what machine, and since when?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.report.checks import ACCURACY, SPEED, Check, Results
from bertbench.report.sections import machine_facts
from bertbench.report.wording import State

_WORDS = {
    State.FAILED: ("no", "failed"),
    State.UNCLEAR: ("not decided", "unclear"),
    State.PASSED: ("yes", "passed"),
}
_FACTS = (("cpu", ""), ("matrix_products", ""), ("tensorflow", "TensorFlow "), ("bertbench", "bertbench "))


@dataclass(frozen=True)
class Answer:
    """A question of the first screen, its answer, and the state that colors it, if it is a verdict."""

    question: str
    text: str
    state: State | None = None


def answer_questions(results: Results, checks: Sequence[Check]) -> list[Answer]:
    """The answers; what was not judged is said to be so."""
    return [
        _judged("Accurate?", ACCURACY, checks, measured=results.accuracy is not None),
        _judged("Fast?", SPEED, checks, measured=results.throughput is not None),
        Answer("On what?", _machine(results)),
        Answer("Since when?", _since(results)),
    ]


def _judged(question: str, subject: str, checks: Sequence[Check], *, measured: bool) -> Answer:
    counts = Counter(check.state for check in checks if check.subject == subject)
    for state, (word, ending) in _WORDS.items():
        if counts[state]:
            return Answer(question, f"{word}: {counts[state]} of {counts.total()} checks {ending}", state)
    return Answer(question, "measured, not judged" if measured else "not judged")


def _machine(results: Results) -> str:
    facts = machine_facts(results)
    if results.accuracy is not None:
        facts = {**results.accuracy.versions, **facts}
    return ", ".join(f"{prefix}{facts[name]}" for name, prefix in _FACTS if facts.get(name)) or "not recorded"


def _since(results: Results) -> str:
    """When it was measured, and the dates of the baselines it was compared with."""
    measured = [part.measured[:10] for part in (results.accuracy, results.throughput) if part is not None]
    days = sorted({day for day in measured if day})
    told = [f"measured {' and '.join(days)}"] if days else []
    if baselines := sorted(set(_baselines(results))):
        told.append(f"against the baseline{'s' * (len(baselines) > 1)} of {', '.join(baselines)}")
    elif results.gate is not None:
        told.append(f"against {results.gate.base}")
    return ", ".join(told) or "not recorded"


def _baselines(results: Results) -> list[str]:
    scores = results.accuracy.cases if results.accuracy is not None else ()
    verdicts = results.gate.verdicts if results.gate is not None else ()
    since = [made.since for case in scores for made in case.comparisons]
    return [text for text in (*since, *(verdict.since for verdict in verdicts)) if text]
