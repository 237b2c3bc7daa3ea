"""What expressions are refused, and with which words. What they mean is counted in tests/property/test_cron_year.py."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from weftline.model import cron

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it has 0 fields; write five"),
        ("0 2 * *", "it has 4 fields"),
        ("0 0 2 * * *", "without seconds"),
        ("60 * * * *", "minute 60 does not exist: write a number from 0 to 59"),
        ("0 24 * * *", "hour 24 does not exist"),
        ("0 0 0 * *", "day of the month 0 does not exist"),
        ("0 0 * 13 *", "month 13 does not exist"),
        ("0 0 * * 8", "weekday 8 does not exist"),
        ("0 0 * * MUN", "'MON'"),
        ("0 0 * JNA *", "'JAN'"),
        ("0 0 * * FRI-MON", "goes backwards: write FRI-7,0-MON"),
        ("*/0 * * * *", "has no step"),
        ("1,, * * * *", "'' is no minute"),
        ("-5 * * * *", "'-5' is no minute"),
        ("0 2 30 2 *", "no day is like that"),
        ("0 2 31 4,6 *", "no day is like that"),
        ("@dayly", "did you mean '@daily'"),
        ("0 \uff12 * * *", "is no hour"),  # a digit of another script
    ],
)
def test_what_is_no_expression_is_told(text, says):
    with pytest.raises(ValueError) as caught:
        cron.parse(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0 * * M" + 5_000 * "9", "is no weekday: write a number from 0 to 7"),
        ("0 0 * * " + 5_000 * "9", "does not exist: write a number from 0 to 7"),
        ("*/" + 5_000 * "9" + " * * * *", "has no step: write a number from 1 to 59"),
        ("0 " + 5_000 * "-" + " * * *", "is no hour: write a number from 0 to 23"),
        ("@" + 5_000 * "x", "use one of @"),
    ],
)
def test_a_long_word_is_told_in_short(text, says):
    with pytest.raises(ValueError) as caught:
        cron.parse(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_day_that_comes_once_in_decades_is_found():
    (first,) = islice(cron.after(cron.parse("0 0 29 2 *"), BERLIN, datetime(2097, 1, 1, tzinfo=UTC).timestamp()), 1)
    assert datetime.fromtimestamp(first, BERLIN).year == 2104, "2100 has none"


def test_what_is_left_out_and_what_comes_twice():
    left_out = datetime.fromtimestamp(cron.moment_of(datetime(2026, 3, 29, 2, 20), BERLIN), BERLIN)
    assert left_out.isoformat() == "2026-03-29T03:00:00+02:00"
    twice = datetime.fromtimestamp(cron.moment_of(datetime(2026, 10, 25, 2, 20), BERLIN), BERLIN)
    assert twice.isoformat() == "2026-10-25T02:20:00+02:00"
    whole_day = datetime.fromtimestamp(cron.moment_of(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia")), UTC)
    assert whole_day.isoformat() == "2011-12-30T10:00:00+00:00", "a day that Samoa left out"
