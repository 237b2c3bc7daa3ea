"""Thresholds in eligibility criteria that can be read with certainty, such as `ECOG 0-1` and `HbA1c > 7 %`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARATORS = (
    (r"(?:greater|more|higher) than or equal to|\\?[>\uff1e]\s?=|[\u2265\u2267]|at least|not less than", ">="),
    (r"(?:less|lower) than or equal to|\\?[<\uff1c]\s?=|[\u2264\u2266]|at most|no more than|not exceeding", "<="),
    (r"\\?[>\uff1e]|(?:greater|more|higher) than|above|over|exceeding", ">"),
    (r"\\?[<\uff1c]|(?:less|lower) than|below|under", "<"),
)
COMPARATOR = "|".join(f"(?P<c{number}>{pattern})" for number, (pattern, _) in enumerate(COMPARATORS))
NUMBER = r"(?P<value>\d+(?:[.,]\d+)?)"
BETWEEN = r"[^\d<>\u2264\u2265\u2266\u2267=;.\n]{0,40}?"
UNITS = {
    "kg/m\u00b2": "kg/m2",
    "g/dl": "g/dL",
    "g/l": "g/L",
    "mmol/l": "mmol/L",
    "x109/l": "x 10^9/L",
    "\u00d7109/l": "x 10^9/L",
    "ml/min": "mL/min",
    "week": "weeks",
    "month": "months",
    "year": "years",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """A quantity with the words that name it and the units it is told in; without its unit a number is not taken."""

    name: str
    words: str
    units: str


MEASURES = (
    Measure("HbA1c", r"(?i:hba1c|h(?:a)?emoglobin a1c|glycated h(?:a)?emoglobin)", r"%"),
    Measure("BMI", r"(?:BMI|(?i:body mass index))", r"kg\s?/\s?m\\?\^?[2\u00b2]"),
    Measure("LVEF", r"(?:LVEF|(?i:ventricular ejection fraction))", r"%"),
    Measure("haemoglobin", r"(?i:\bh(?:a)?emoglobin\b)(?! [Aa]1)", r"(?i:g/dl|g/l|mmol/l)"),
    Measure("platelets", r"(?i:\bplatelets?(?: counts?)?\b)", r"(?i:[x\u00d7]\s?10\s?\\?\^?\s?9\s?/\s?l)"),
    Measure("neutrophils", r"(?:\bANC\b|(?i:\bneutrophil counts?\b))", r"(?i:[x\u00d7]\s?10\s?\\?\^?\s?9\s?/\s?l)"),
    Measure("creatinine clearance", r"(?i:creatinine clearance(?: rate)?)", r"(?i:ml\s?/\s?min)"),
    Measure("eGFR", r"(?:eGFR|(?i:estimated glomerular filtration rate))", r"(?i:ml\s?/\s?min)"),
    Measure("life expectancy", r"(?i:life[ -]expectancy|expected survival)", r"(?i:weeks?|months?|years?)"),
)
PATTERNS = tuple(
    (measure.name, re.compile(rf"{measure.words}{BETWEEN}(?i:{COMPARATOR})\s?{NUMBER}\s?(?P<unit>{measure.units})"))
    for measure in MEASURES
)

GRADES = r"[0-4](?:\s?(?:,|-|\u2013|~|to|or|and|,\s?or)\s?[0-4])+"
ECOG = re.compile(rf"ECOG{BETWEEN}(?:\b(?P<grades>{GRADES})(?![\d%])|(?i:{COMPARATOR})\s?(?P<value>[0-5])(?![\d.%]))")


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is measured and where the limit lies, in one spelling, with the characters that say so."""

    name: str
    start: int
    end: int


def thresholds(text: str) -> Iterator[Threshold]:
    """The thresholds in a text, in the order of their first characters."""
    found = [Threshold(_ecog_name(match), *match.span()) for match in ECOG.finditer(text)]
    for name, pattern in PATTERNS:
        for match in pattern.finditer(text):
            unit = re.sub(r"[\s\\^]", "", match["unit"]).lower()
            value = match["value"].replace(",", ".")
            found.append(Threshold(f"{name} {_sign(match)} {value} {UNITS.get(unit, unit)}", *match.span()))
    yield from sorted(found, key=lambda item: (item.start, item.name))


def _ecog_name(match: re.Match[str]) -> str:
    if match["grades"] is None:
        return f"ECOG {_sign(match)} {match['value']}"
    grades = re.findall(r"[0-4]", match["grades"])
    return f"ECOG {min(grades)}-{max(grades)}"


def _sign(match: re.Match[str]) -> str:
    return next(sign for number, (_, sign) in enumerate(COMPARATORS) if match[f"c{number}"] is not None)
