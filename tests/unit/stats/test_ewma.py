"""An average that forgets."""

import math

import pytest

from weftline.stats.ewma import Ewma


def test_the_first_value_is_taken_as_it_is():
    assert Ewma(5.0).take(3.0, 1.0) == 3.0


def test_a_step_is_followed_by_its_time_constant_however_it_is_sampled():
    for pieces in (1, 7, 100):
        average = Ewma(5.0)
        average.take(0.0, 0.0)
        for _ in range(pieces):
            average.take(1.0, 5.0 / pieces)
        assert average.value == pytest.approx(1 - math.exp(-1))


def test_no_time_changes_nothing():
    average = Ewma(5.0)
    average.take(2.0, 1.0)
    assert average.take(100.0, 0.0) == 2.0


@pytest.mark.parametrize("constant", [0.0, -1.0])
def test_a_time_constant_is_positive(constant):
    with pytest.raises(ValueError, match="time constant"):
        Ewma(constant)
