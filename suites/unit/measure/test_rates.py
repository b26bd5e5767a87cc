"""Which efficiencies cannot be, at the edge of the stated bound."""

import pytest

from bertbench.measure.rates import beats_peak, doubts

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("rate", "beats"), [(150.0, False), (203.9, False), (204.1, True), (400.0, True)])
def test_rate_may_exceed_peak_by_two_percent(rate, beats):
    assert beats_peak(rate, 200.0) is beats


def test_impossible_efficiency_is_reported_with_remedy():
    assert list(doubts(0.95)) == list(doubts(1.019)) == []
    (warning,) = doubts(1.05)
    assert "efficiency 105.0 % is above 102 %" in warning
    assert "measure again" in warning
