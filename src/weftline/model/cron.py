"""Cron expressions: five fields, read once; and the moments that they mean in a time zone.

Theory of operation. The moments of one local day are found first, then those of a day in UTC among its neighbours, sorted and
each once. What happens where clocks are changed is that of Debian's cron, https://manpages.debian.org/cron.8: an expression
with fixed minutes and hours fires once for a local time that comes twice, the first time, and for one that is left out, at the
moment at which clocks go on; one whose minutes or hours begin with `*` fires whenever the clock shows what it asks for.
"""

from __future__ import annotations

import calendar
import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from weftline.errors import brief, did_you_mean

DAY_S = 86_400
#: After so many days without a match there is none: the 29th of February on a weekday comes once in 40 years at least.
_PATIENCE_DAYS = 41 * 366
#: Digits of a number that can be meant, zeros before it included; Python refuses to read thousands.
_DIGITS = 9
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)
_TERM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
_NTH = re.compile(r"(\w+)#([1-5])|(\w)L", re.ASCII)
#: Stand for the last day of a month, and for the last such weekday in it.
_LAST_DAY, _LAST = 0, 0


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression, read.

    Attributes:
        text: as it was written.
        minutes, hours: in order.
        days: of the month; 0 for the last one.
        months: from 1.
        weekdays: Sunday is 0.
        numbered: weekdays with their number in the month; 0 for the last one.
        needs_both: whether days of the month and weekdays have to match both; else one of them is enough.
        follows_clock: whether it fires whenever the clock shows what it asks for, also for the second time.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    numbered: frozenset[tuple[int, int]]
    needs_both: bool
    follows_clock: bool

    def has(self, day: date) -> bool:
        """Whether it fires on a day."""
        if day.month not in self.months:
            return False
        last = calendar.monthrange(day.year, day.month)[1]
        weekday = day.isoweekday() % 7
        by_date = day.day in self.days or (_LAST_DAY in self.days and day.day == last)
        by_weekday = (
            weekday in self.weekdays
            or (weekday, (day.day + 6) // 7) in self.numbered
            or ((weekday, _LAST) in self.numbered and day.day + 7 > last)
        )
        return (by_date and by_weekday) if self.needs_both else (by_date or by_weekday)


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> Cron:
    """An expression, read: `minute hour day month weekday`, with lists, ranges, steps, names, `L`, `#`; or such as `@daily`.

    Raises:
        ValueError: it is none; the text says what is wrong, and what would be right.
    """
    words = text.split()
    if text.strip().startswith("@"):
        nickname = text.strip().lower()
        if nickname not in _NICKNAMES:
            hint = did_you_mean(nickname, _NICKNAMES)
            raise ValueError(f"there is no {_quoted(nickname)}: " + (hint or f"use one of {', '.join(_NICKNAMES)}"))
        words = _NICKNAMES[nickname].split()
    if len(words) != 5:
        more = ", without seconds" if len(words) == 6 else ""
        raise ValueError(f"it has {len(words)} fields; write five: minute hour day month weekday{more}")
    numbered: set[tuple[int, int]] = set()
    minutes, hours, days, months, weekdays = (
        _field(word, number, numbered) for number, word in enumerate(word.upper() for word in words)
    )
    found = Cron(
        text=text,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekday % 7 for weekday in weekdays),
        numbered=frozenset(numbered),
        needs_both=words[2].startswith("*") or words[4].startswith("*"),
        follows_clock=words[0].startswith("*") or words[1].startswith("*"),
    )
    first = date(2000, 1, 1)
    if not any(found.has(first + timedelta(days=number)) for number in range(_PATIENCE_DAYS)):
        raise ValueError("no day is like that: look at the day and the month")
    return found


def _field(word: str, number: int, numbered: set[tuple[int, int]]) -> set[int]:
    """The numbers that a field means; numbered weekdays are added to `numbered`."""
    name, least, most, _ = _FIELDS[number]
    found: set[int] = set()
    for term in word.split(","):
        nth = _NTH.fullmatch(term) if name == "weekday" else None
        if nth is not None:
            numbered.add((_number(nth[1] or nth[3], number) % 7, int(nth[2] or _LAST)))
            continue
        if name == "day of the month" and term == "L":
            found.add(_LAST_DAY)
            continue
        parts = _TERM.fullmatch(term)
        if parts is None:
            advice = f"write a number from {least} to {most}, a range such as 1-5, or */2"
            raise ValueError(f"{_quoted(term)} is no {name}: {advice}")
        star, first, last, step = parts.groups()
        begin = least if star else _number(first, number)
        end = most if star or (step and not last) else begin if not last else _number(last, number)
        if star and name == "weekday":
            end = 6
        if last and end < begin:
            raise ValueError(f"{_quoted(term)} goes backwards: write {first}-{most},{least}-{last}")
        if step and (len(step) > _DIGITS or int(step) == 0):
            raise ValueError(f"{_quoted(term)} has no step: write a number from 1 to {most}")
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(word: str, number: int) -> int:
    name, least, most, names = _FIELDS[number]
    if word in names:
        return names[word]
    if not word.isdigit():
        hint = did_you_mean(word, names)
        advice = f"; {hint}" if hint else f": write a number from {least} to {most}"
        raise ValueError(f"{_quoted(word)} is no {name}{advice}")
    if len(word) > _DIGITS or not least <= int(word) <= most:
        raise ValueError(f"{name} {brief(word)} does not exist: write a number from {least} to {most}")
    return int(word)


def _quoted(word: str) -> str:
    return brief(repr(word))


# --- moments, in seconds since the epoch ---


def after(cron: Cron, zone: ZoneInfo, moment: float) -> Iterator[int]:
    """The moments after one, in order; they end where no more come within decades."""
    first = int(moment // DAY_S)
    quiet = 0
    for day in itertools.count(first):
        if day >= _END or quiet > _PATIENCE_DAYS:
            return
        found = _in_day(cron, zone, day)
        quiet = 0 if found else quiet + 1
        yield from (each for each in found if each > moment)


def until(cron: Cron, zone: ZoneInfo, moment: float) -> Iterator[int]:
    """The moments up to one, the newest first, for as long as anybody asks."""
    for day in range(int(moment // DAY_S), _START, -1):
        yield from (each for each in reversed(_in_day(cron, zone, day)) if each <= moment)


def moment_of(local: datetime, zone: ZoneInfo) -> int:
    """When clocks in a zone show a time: the first time if twice; when they go on, if they leave it out."""
    meant = int(local.replace(tzinfo=zone, fold=0).timestamp())
    if _shown(meant, zone) == local:
        return meant
    return _gap_ends(int(local.replace(tzinfo=zone, fold=1).timestamp()), meant, zone)


_EPOCH = date(1970, 1, 1)
_START = (date(2, 1, 1) - _EPOCH).days
_END = (date(9999, 1, 1) - _EPOCH).days


@functools.lru_cache(maxsize=64)
def _in_day(cron: Cron, zone: ZoneInfo, day: int) -> tuple[int, ...]:
    """The moments within a day in UTC, which is part of up to three local days."""
    begin = day * DAY_S
    around = (_EPOCH + timedelta(days=day + step) for step in (-1, 0, 1))
    found = {each for local in around if cron.has(local) for each in _in_local_day(cron, zone, local)}
    return tuple(sorted(each for each in found if begin <= each < begin + DAY_S))


@functools.lru_cache(maxsize=64)
def _in_local_day(cron: Cron, zone: ZoneInfo, day: date) -> frozenset[int]:
    found: set[int] = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            local = datetime.combine(day, time(hour, minute))
            if cron.follows_clock:
                twice = (int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
                found.update(each for each in twice if _shown(each, zone) == local)
            else:
                found.add(moment_of(local, zone))
    return frozenset(found)


def _shown(moment: int, zone: ZoneInfo) -> datetime:
    """What clocks show then."""
    return datetime.fromtimestamp(moment, UTC).astimezone(zone).replace(tzinfo=None, fold=0)


def _gap_ends(before: int, later: int, zone: ZoneInfo) -> int:
    """When clocks go on, between two moments of which the first has the old offset from UTC, and the second the new one."""
    new = datetime.fromtimestamp(later, zone).utcoffset()
    while later - before > 1:
        middle = (before + later) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == new:
            later = middle
        else:
            before = middle
    return later
