"""The gate: one verdict for each quantity of each case, and one exit status for all.

A case is slower only if its efficiency fell by more than the threshold and the fall is significant. What
is neither is unclear, never silently fine, if a large fall cannot be excluded. `docs/gating.md` gives the
rules in words and their measured error rates.
"""

import dataclasses
from collections.abc import Collection, Iterator
from pathlib import Path

from bertbench.errors import CannotJudge, GateFailed
from bertbench.gate.result import EFFICIENCY, GATE_FILE, GateResult, Verdict, VerdictKind
from bertbench.gate.rules import doubt_disturbed, judge_measurements, judge_memory, judge_startup
from bertbench.gate.scores import judge_score
from bertbench.gate.sides import Side, load_folder, load_newest_cases
from bertbench.gate.thresholds import THRESHOLDS, Thresholds
from bertbench.measure import machine
from bertbench.results.accuracy import AccuracyResult
from bertbench.results.baselines import STORAGE
from bertbench.results.schema import ThroughputResult, write_result

UNDECIDED = (VerdictKind.UNCLEAR, VerdictKind.MISSING)


def judge_sides(base: Side, head: Side, *, command: str, thresholds: Thresholds = THRESHOLDS) -> GateResult:
    """Judge every quantity that both sides have; a case that only the base has is missing."""
    verdicts: list[Verdict] = []
    notes: list[str] = []
    if base.throughput and head.throughput:
        same_machine = base.throughput.machine_id == head.throughput.machine_id
        if not same_machine:
            notes.append(
                f"Different machines ({base.throughput.machine_id}, {head.throughput.machine_id}): "
                "only efficiency is compared, not memory, start-up or examples/s."
            )
        verdicts += _judge_throughput(base.throughput, head.throughput, same_machine, thresholds)
    if base.accuracy and head.accuracy:
        verdicts += _judge_scores(base, base.accuracy, head, head.accuracy)
    verdicts += _lost(base, head)
    notes += _absences(base, head)
    return GateResult(base.name, head.name, command, tuple(notes), tuple(verdicts))


def judge_against_stored(
    results_dir: Path,
    *,
    command: str,
    measured: Collection[str],
    thresholds: Thresholds = THRESHOLDS,
) -> GateResult:
    """Judge what a test session has just measured, and write gate.json next to it.

    The base of each case is its newest result that is stored for HEAD or an ancestor. Cases that the session
    did not select are left out: a selected one that broke has failed its own test.

    Args:
      measured: the names of the session's throughput cases; other results in the folder are older.

    Raises:
      InputError: nothing is stored, or the session wrote no results.
    """
    head = load_folder(results_dir)
    base = load_newest_cases("HEAD", STORAGE, head.machine_id or machine.machine_id(), measured)
    if not measured:
        head = dataclasses.replace(head, throughput=None)
    result = judge_sides(base, head, command=command, thresholds=thresholds)
    selected = tuple(verdict for verdict in result.verdicts if verdict.verdict != VerdictKind.MISSING)
    result = dataclasses.replace(result, verdicts=selected)
    write_result(results_dir / GATE_FILE, result)
    return result


def exit_status(result: GateResult) -> int:
    """0 when every case is fine, 1 when one regressed, 3 when one (or everything) could not be judged."""
    outcomes = {verdict.verdict for verdict in result.verdicts}
    if VerdictKind.REGRESSION in outcomes:
        return GateFailed.exit_status
    if outcomes.intersection(UNDECIDED) or outcomes <= {VerdictKind.NEW}:
        return CannotJudge.exit_status
    return 0


def raise_for_status(result: GateResult) -> None:
    """Raise what `exit_status` says.

    Raises:
      GateFailed: a case regressed; the message names them.
      CannotJudge: a case could not be judged, or there was none.
    """
    status = exit_status(result)
    if status == GateFailed.exit_status:
        raise GateFailed(f"regressed: {_names(result, (VerdictKind.REGRESSION,))}.")
    if status == CannotJudge.exit_status:
        undecided = _names(result, UNDECIDED) or "there is no case that both sides have"
        raise CannotJudge(f"could not judge: {undecided}.")


def _judge_throughput(
    base: ThroughputResult, head: ThroughputResult, same_machine: bool, thresholds: Thresholds
) -> Iterator[Verdict]:
    before = {case.case: case for case in base.cases}
    after = {case.case: case for case in head.cases}
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            yield _only_in_base(name, EFFICIENCY)
            continue
        yield judge_measurements(old, new, thresholds.of(name))
        if not same_machine:
            continue
        yield judge_memory(name, [old.peak_memory_mib], [new.peak_memory_mib])
        if old.startup_seconds and new.startup_seconds:
            startup = judge_startup(name, [old.startup_seconds], [new.startup_seconds])
            yield doubt_disturbed(startup, old.warnings, new.warnings)
    for name in after.keys() - before.keys():
        yield _only_in_head(name, EFFICIENCY)


def _judge_scores(
    base_side: Side, base: AccuracyResult, head_side: Side, head: AccuracyResult
) -> Iterator[Verdict]:
    before = {case.case: case for case in base.cases}
    after = {case.case: case for case in head.cases}
    for name, old in before.items():
        if name in after:
            yield judge_score(base_side, old, head_side, after[name])
        else:
            yield _only_in_base(name, old.quantity)
    for name in after.keys() - before.keys():
        yield _only_in_head(name, after[name].quantity)


def _only_in_base(case: str, quantity: str) -> Verdict:
    return Verdict(
        case, quantity, VerdictKind.MISSING, "only the base has it; run the same grid on both sides"
    )


def _only_in_head(case: str, quantity: str) -> Verdict:
    return Verdict(case, quantity, VerdictKind.NEW, "only the head has it")


def _lost(base: Side, head: Side) -> Iterator[Verdict]:
    """The base's cases of a kind of which the head's folder has none; files and revisions hold one kind."""
    if head.source.is_file():
        return
    if base.throughput and not head.throughput:
        yield from (_only_in_base(case.case, EFFICIENCY) for case in base.throughput.cases)
    if base.accuracy and not head.accuracy:
        yield from (_only_in_base(case.case, case.quantity) for case in base.accuracy.cases)


def _absences(base: Side, head: Side) -> Iterator[str]:
    for what, before, after in (
        ("throughput", base.throughput, head.throughput),
        ("accuracy", base.accuracy, head.accuracy),
    ):
        if (before is None) != (after is None):
            present, absent = (head, base) if before is None else (base, head)
            yield f"Only {present.name} holds {what} results, {absent.name} does not: they are not compared."


def _names(result: GateResult, outcomes: tuple[VerdictKind, ...]) -> str:
    return ", ".join(
        f"{verdict.case} ({verdict.quantity})" for verdict in result.verdicts if verdict.verdict in outcomes
    )
