"""`bertbench doctor`: what this machine has, what is missing, and how to install it."""

import dataclasses
import platform
from dataclasses import dataclass

from bertbench.commands.doctor_checks import Finding, examine
from bertbench.commands.typed_options import TypedCommand
from bertbench.console import print_json, say
from bertbench.errors import CannotJudge
from bertbench.measure.machine import describe_machine, read_machine
from bertbench.options import Settings
from bertbench.tables import make_table, print_fitted


@dataclass(frozen=True)
class DoctorOptions(Settings):
    """The options of `bertbench doctor`: those of every command."""


def examine_machine(options: DoctorOptions) -> None:
    """Print what was found, with remedies."""
    findings = examine(read_machine())
    _print_table(findings)
    rows = [dataclasses.asdict(finding) for finding in findings]
    print_json({"machine": describe_machine(), "findings": rows})
    broken = [finding.name for finding in findings if finding.essential and finding.state != "ok"]
    if broken:
        raise CannotJudge(
            f"nothing can be judged on this machine without {', '.join(broken)}; see the table above."
        )


command = TypedCommand(
    "doctor",
    examine_machine,
    DoctorOptions,
    help="""Report what this machine has and what is missing, and how to install it.

    \b
    Exit status: 0 everything essential works, 3 it does not (TensorFlow does not run).
    """,
)


def _print_table(findings: list[Finding]) -> None:
    table = make_table(
        f"{platform.node()}: {read_machine().machine_id}",
        ("what", "state", "found"),
        [(finding.name, finding.state, finding.found) for finding in findings],
    )
    for column in table.columns:
        column.justify = "left"
    table.columns[-1].no_wrap = False
    print_fitted(table)
    for finding in findings:
        if finding.remedy:
            say(f"{finding.name}: {finding.remedy}")
