"""Ranges of options, and nested settings."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import pytest

from bertbench.errors import InputError
from bertbench.options import Option, Settings, all_options, build, command_words
from bertbench.tasks.table import TASKS, make_task

pytestmark = pytest.mark.unit


@dataclass(frozen=True)
class Inner(Settings):
    option_group: ClassVar[str] = "data"
    size: Annotated[int, Option("How large.", minimum=2)] = 3
    share: Annotated[float, Option("How much.", minimum=0, maximum=1, group="output")] = 0.5
    rate: Annotated[float, Option("How fast.", minimum=0, exclusive=True)] = 1.0
    odds: Annotated[float, Option("How likely.", minimum=0, maximum=1, exclusive=True)] = 0.5
    kind: Annotated[str, Option("Which.", choices=("a", "b"))] = "a"


@dataclass(frozen=True)
class Outer(Settings):
    place: Annotated[Path | None, Option("Where.", names=("--data", "--file"), only=("train",))] = None
    fast: Annotated[bool, Option("Hurry.")] = True
    inner: Inner = field(default_factory=Inner)
    note: str = "no option"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 1}, "size is 1; it must be at least 2."),
        ({"share": 1.5}, "share is 1.5; it must be in [0, 1]."),
        ({"share": math.nan}, "share is nan; it must be in [0, 1]."),
        ({"rate": 0.0}, "rate is 0.0; give a number above 0."),
        ({"rate": math.inf}, "rate is inf; give a number above 0."),
        ({"odds": 1.0}, "odds is 1.0; it must be between 0 and 1."),
        ({"kind": "c"}, "kind is 'c'; choose one of a, b."),
    ],
)
def test_value_outside_its_range_is_rejected(values, message):
    with pytest.raises(InputError) as caught:
        Inner(**values)
    assert str(caught.value) == message
    with pytest.raises(InputError):
        build(Outer, values)


@pytest.mark.parametrize(
    "values", [{"size": 2}, {"share": 0.0}, {"share": 1.0}, {"rate": 1e-9}, {"kind": "b"}]
)
def test_value_at_limit_of_its_range_is_accepted(values):
    assert build(Outer, values).inner == Inner(**values)


def test_options_of_nested_settings_are_listed_for_the_outer_settings():
    found = {field.name: (field.words, field.group, field.default) for field in all_options(Outer)}
    assert found == {
        "place": (("--data", "--file"), "computing", None),
        "fast": (("--fast",), "computing", True),
        "size": (("--size",), "data", 3),
        "share": (("--share",), "output", 0.5),
        "rate": (("--rate",), "data", 1.0),
        "odds": (("--odds",), "data", 0.5),
        "kind": (("--kind",), "data", "a"),
    }
    assert "place" not in {field.name for field in all_options(Outer, "predict")}
    assert "place" in {field.name for field in all_options(Outer, "train")}


def test_command_words_contain_only_values_other_than_defaults():
    settings = Outer(Path("here"), fast=False, inner=Inner(size=7))
    assert command_words(settings) == ("--data", "here", "--no-fast", "--size", "7")
    assert command_words(Outer()) == ()


@pytest.mark.parametrize("name", TASKS)
def test_task_without_settings_has_default_settings(name):
    assert make_task(name).settings == TASKS[name].settings_type()


def test_default_sequence_lengths_equal_those_of_the_original_scripts():
    """`max_seq_length` of run_squad.py as used with BERT-large, run_classifier.py and run_pretraining.py."""
    lengths = {name: make_task(name).max_seq_length for name in ("squad", "classifier", "pretraining")}
    assert lengths == {"squad": 384, "classifier": 128, "pretraining": 128}


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("question", {}, "task 'question' is unknown; choose one of squad, classifier, pretraining."),
        (
            "squad",
            {"stride": 3},
            "squad has no option 'stride'; choose one of data, train_data, max_seq_length",
        ),
        ("squad", {"doc_stride": 0}, "doc_stride is 0; it must be at least 1."),
    ],
)
def test_invalid_task_name_or_option_is_rejected(name, values, message):
    with pytest.raises(InputError) as caught:
        make_task(name, **values)
    assert str(caught.value).startswith(message)
