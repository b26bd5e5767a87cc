"""Damaged and hostile files of every format give a right result, or one line that names the file.

A small share of what `python -m tools.mutants` tries, the same mutants each time.
"""

import pytest

from tools.mutants.formats import FORMATS
from tools.mutants.trial import BAD, Trial

pytestmark = pytest.mark.unit

MUTANTS = 20


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_mutated_files_are_read_correctly_or_rejected_in_one_line(format, tmp_path):
    trial = Trial(format, tmp_path)
    verdicts = [trial.try_mutant(number) for number in range(MUTANTS)]
    assert [verdict.details for verdict in verdicts if verdict.outcome == BAD] == []
