"""The settings of each of several processes, calculated by hand."""

import pytest

from bertbench.errors import InputError
from bertbench.training.scaling import share_of
from bertbench.training.settings import TrainingSettings

pytestmark = pytest.mark.unit

WHOLE = TrainingSettings(learning_rate=1e-4, num_epochs=2.0, num_steps=100, warmup_steps=10)


@pytest.mark.parametrize(("scaling", "rate"), [("sqrt", 2e-4), ("linear", 4e-4), ("none", 1e-4)])
def test_learning_rate_of_four_processes_follows_scaling(scaling, rate):
    share = share_of(WHOLE, 4, scaling, synchronized=True)
    assert share.learning_rate == pytest.approx(rate, rel=1e-12)
    assert (share.num_steps, share.warmup_steps) == (25, 3)


def test_epochs_are_divided_among_independent_processes_only():
    assert share_of(WHOLE, 4, "sqrt", synchronized=True).num_epochs == 2.0
    assert share_of(WHOLE, 4, "sqrt", synchronized=False).num_epochs == 0.5


def test_settings_not_given_stay_none():
    share = share_of(TrainingSettings(), 2, "sqrt", synchronized=True)
    assert (share.num_steps, share.warmup_steps) == (None, None)


def test_unknown_scaling_is_rejected():
    with pytest.raises(InputError, match="'cubic': choose one of sqrt, linear, none"):
        share_of(WHOLE, 2, "cubic", synchronized=True)
