"""Highlights of posted results: what was measured and found, within a fixed length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from weftline.documents.parse.fields import Fields
from weftline.documents.parse.sections import Composer
from weftline.documents.types import Section, SectionKind

MAX_MEASURES = 12
MAX_VALUES = 12  # a measure in many classes, such as all laboratory values, says little in one passage


def results_section(results: Fields) -> Section | None:
    """The first measures with their values per group, and how many had serious adverse events; None without results.

    Everything that is read is checked, also what is past the limits.
    """
    if not results:
        return None
    text = Composer()
    measures = results.group("outcomeMeasuresModule").groups("outcomeMeasures")
    for number, measure in enumerate(measures):
        _measure(text if number < MAX_MEASURES else Composer(), measure)
    for group in results.group("adverseEventsModule").groups("eventGroups"):
        _adverse_events(text, group)
    more = results.group("moreInfoModule").group("limitationsAndCaveats")
    text.field(more.at("description"), more.text("description"), before="Limitations: ")
    section = text.section(SectionKind.RESULTS, "Results", results.path)
    return section if section.text else None


def _measure(text: Composer, measure: Fields) -> None:
    titles = {group.text("id"): group.text("title") for group in measure.groups("groups")}
    unit = measure.text("unitOfMeasure")
    kind = measure.text("type").capitalize()
    text.add(f"{kind} result: ".lstrip())
    text.field(measure.at("title"), measure.text("title"))
    text.field(measure.at("timeFrame"), measure.text("timeFrame"), before=" (", after=")")
    values = [
        f"{row}{titles.get(group, group)}: {value}{spread} {unit}".rstrip() for row, group, value, spread in _values(measure)
    ]
    text.add(". " + "; ".join(islice(values, MAX_VALUES)) + ".\n\n" if values else ".\n\n")


def _values(measure: Fields) -> Iterator[tuple[str, str, str, str]]:
    for row in measure.groups("classes"):
        for category in row.groups("categories"):
            names = [name for name in (row.text("title"), category.text("title")) if name]
            for item in category.groups("measurements"):
                spread = item.text("spread")
                title = f"{', '.join(names)}, " if names else ""
                yield title, item.text("groupId"), item.text("value"), f" (spread {spread})" if spread else ""


def _adverse_events(text: Composer, group: Fields) -> None:
    affected, at_risk = group.whole("seriousNumAffected"), group.whole("seriousNumAtRisk")
    title = group.text("title")
    if affected is not None and at_risk is not None:
        text.add(f"Serious adverse events, {title}: {affected} of {at_risk}.\n")
