import pytest

from weftline.documents.thresholds import thresholds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ECOG 0-1", ["ECOG 0-1"]),
        ("Eastern Cooperative Oncology Group (ECOG) performance status of 0, 1 or 2", ["ECOG 0-2"]),
        ("ECOG PS 0 to1", ["ECOG 0-1"]),
        ("ECOG performance status \\< 2 i.e. 0 or 1", ["ECOG < 2"]),
        ("ECOG status score is less than 3 points", ["ECOG < 3"]),
        ("HbA1c \\> 7 %", ["HbA1c > 7 %"]),
        ("hemoglobin A1c \\>10.0%", ["HbA1c > 10.0 %"]),
        ("Hemoglobin \u2265 9 g/dL", ["haemoglobin >= 9 g/dL"]),
        ("BMI greater than or equal to 35.0 kg/m\\^2", ["BMI >= 35.0 kg/m2"]),
        ("left ventricular ejection fraction (LVEF) <50%", ["LVEF < 50 %"]),
        ("Life expectancy of at least 3 months", ["life expectancy >= 3 months"]),
        (
            "Platelet count \u2265 100 \u00d7 10^9/L, ANC > 1,5 x 109/l",
            ["platelets >= 100 x 10^9/L", "neutrophils > 1.5 x 10^9/L"],
        ),
        ("eGFR \\< 30 mL/min/1.73m2", ["eGFR < 30 mL/min"]),
        # said, but not with certainty
        ("EGFR mutation in 30 mL/min", []),
        ("ECOG status will be recorded at 2 visits", []),
        ("ECOG 0-100", []),
        ("Platelets > 100,000", []),
        ("HbA1c was measured. It was > 7 %", []),
    ],
)
def test_thresholds(text, expected):
    assert [found.name for found in thresholds(text)] == expected


def test_the_characters_that_say_so_are_given():
    text = "Adults with ECOG 0-1 and BMI > 30 kg/m2."
    assert [text[found.start : found.end] for found in thresholds(text)] == ["ECOG 0-1", "BMI > 30 kg/m2"]
