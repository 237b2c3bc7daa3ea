import pytest

from weftline.model.quantity import duration_s, shown_age, shown_bytes, size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("45m", 2700), (" 30 d ", 2_592_000), ("2W", 1_209_600), ("3min", 180)]
)
def test_durations(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("0B", 0), ("500MB", 500_000_000), ("10GiB", 10 << 30), ("1.5kb", 1500), ("2 TB", 2 * 10**12)]
)
def test_sizes(text, count):
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["", "5", "d", "-1d", "1d 2h", "1e3s", "5 lightyears", "٣d"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="is not a duration such as"):
        duration_s(text)
    with pytest.raises(ValueError, match="is not a size such as"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (41_500, "41.5 kB"), (614_000, "614 kB"), (3_560_000, "3.56 MB"),
     (999_999, "1 MB"), (5e12, "5 TB")],
)  # fmt: skip
def test_sizes_for_people(count, shown):
    assert shown_bytes(count) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(-1, "0s"), (59, "59s"), (3599, "59m"), (86_400, "1d"), (6e6, "9w")])
def test_ages_for_people(seconds, shown):
    assert shown_age(seconds) == shown
