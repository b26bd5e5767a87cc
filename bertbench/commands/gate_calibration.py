"""`bertbench gate --calibrate`: how often the gate is wrong on this machine."""

from collections.abc import Sequence

from bertbench.console import print_json, progress, say
from bertbench.errors import CannotJudge, GateFailed
from bertbench.gate.calibration import COLUMNS, MINIMUM_RUNS, Rates, describe_lack, measure_rates
from bertbench.gate.limits import PAIRS
from bertbench.gate.noise import describe_noise, read_noise, record_noise
from bertbench.gate.thresholds import Thresholds
from bertbench.tables import make_table, print_table


def calibrate(cases: Sequence[Sequence[str]], runs: int, thresholds: Thresholds, pairs: int = PAIRS) -> None:
    """Record the cases until each has this many runs, and print the error rates.

    Args:
      cases: arguments of `bertbench benchmark`. pairs: of runs in an interleaved comparison.

    Raises:
      GateFailed: an error rate is too high.
      CannotJudge: too few runs are undisturbed.
      InputError: a run fails, or the existing recording cannot be read.
    """
    path = record_noise(cases, runs)
    say(str(path))
    wanted = {tuple(arguments) for arguments in cases}
    recorded = [case for case in read_noise(path).cases if case.arguments in wanted]
    for case in recorded:
        say(describe_noise(case))
    rates: list[Rates] = []
    with progress("error rates", len(recorded), "cases") as advance:
        for case in recorded:
            rates += measure_rates(case, thresholds, pairs=pairs)
            advance(1)
    print_table(
        make_table("Error rates of the gate on this machine", COLUMNS, [rate.cells for rate in rates])
    )
    print_json([dict(zip(COLUMNS, rate.cells, strict=True)) for rate in rates])
    alarming, missing = (
        ", ".join(sorted({rate.case for rate in rates if not rate.kept and bool(rate.slowdown) == slower}))
        for slower in (False, True)
    )
    faults = []
    if alarming:
        faults.append(f"too many false alarms of {alarming}: raise the threshold with --case-threshold")
    if missing:
        faults.append(f"too many slowdowns of {missing} are missed: compare on a quieter machine")
    if faults:
        raise GateFailed(f"{'; '.join(faults)}.")
    if lacking := [line for case in recorded for line in describe_lack(case)]:
        remedy = f"{MINIMUM_RUNS} are needed; record more with --runs when the machine is quiet"
        raise CannotJudge(f"{'; '.join(lacking)}; {remedy}.")
