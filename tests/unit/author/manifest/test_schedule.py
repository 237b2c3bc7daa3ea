"""Schedules in files: what they mean, and where each mistake is told with what would be right."""

from datetime import UTC, datetime
from textwrap import dedent

import pytest

from weftline.app.declared import Folder
from weftline.author.manifest.load import load_files
from weftline.model.guard import Guard
from weftline.testing import ManualClock

HEAD = "apiVersion: weftline.dev/v1\nkind: Schedule\nmetadata: {name: s}\nspec:\n  target: flow.py\n"


def loaded(tmp_path, text, name="s.yaml"):
    file = tmp_path / name
    file.write_text(text)
    return load_files([file])


def spec(tmp_path, **lines):
    found = loaded(tmp_path, HEAD + "".join(f"  {name}: {value}\n" for name, value in lines.items()))
    assert found.findings == []
    return found.schedules["s"]


def test_all_that_a_schedule_says(tmp_path):
    text = """
        apiVersion: weftline.dev/v1
        kind: Schedule
        metadata: {name: nightly, version: 3, description: every night}
        spec:
          target: ../flows/flow.py:main
          params: {region: eu}
          cron: "30 2 * * MON-FRI"
          timezone: Europe/Berlin
          enabled: false
          max_instances: 2
          misfire_grace_seconds: 300
          catch_up: all
          catch_up_limit: 7
          guard: {key: "{name}:{params.region}", at_most: 2, on_busy: skip}
    """
    (tmp_path / "schedules").mkdir()
    found = loaded(tmp_path / "schedules", dedent(text)).schedules["nightly"]
    assert (found.cron, found.timezone, found.enabled, found.max_instances) == ("30 2 * * MON-FRI", "Europe/Berlin", False, 2)
    assert (found.misfire_grace_s, found.catch_up, found.catch_up_limit, found.version) == (300, "all", 7, 3)
    assert (found.params, found.guard) == ({"region": "eu"}, Guard("{name}:{params.region}", 2, "skip"))
    assert found.target == f"{tmp_path}/flows/flow.py:main", "as it is named from the file"
    assert found.place.line == 4


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43_200), ("7", 7), ("1.5h", 5400)])
def test_intervals(tmp_path, written, seconds):
    assert spec(tmp_path, every=written).every_s == seconds


@pytest.mark.parametrize(
    ("written", "zone", "meant"),
    [
        ("2026-07-14T06:30", "UTC", "2026-07-14T06:30:00"),
        ("2026-07-14", "Europe/Berlin", "2026-07-13T22:00:00"),
        ("2026-07-14T06:30:00+02:00", "America/New_York", "2026-07-14T04:30:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00"),
    ],
)
def test_dates(tmp_path, written, zone, meant):
    """In the time zone, unless they say another; one that clocks leave out is when they go on."""
    found = spec(tmp_path, at=f'"{written}"', timezone=zone)
    assert datetime.fromtimestamp(found.at, UTC).isoformat() == f"{meant}+00:00"


WRONG = [
    ("  cron: '60 2 * * *'", "M105", (6, 9), "minute 60 does not exist: write a number from 0 to 59"),
    ("  cron: '0 0 2 * * *'", "M105", (6, 9), "write five: minute hour day month weekday, without seconds"),
    ("  cron: '0 2 * * MUN'", "M105", (6, 9), "'MON'"),
    ("  cron: '@dayly'", "M105", (6, 9), "did you mean '@daily'"),
    ("  cron: 5", "M105", (6, 9), "valid string"),
    ("  cron: '0 2 * * *'\n  timezone: Europe/Berln", "M105", (7, 13), "did you mean 'Europe/Berlin'"),
    ("  cron: '0 2 * * *'\n  timezone: Nowhere", "M105", (7, 13), "such as Europe/Berlin"),
    ("  cron: '0 2 * * *'\n  timezone: localtime", "M105", (7, 13), "there is no such time zone; write such as"),
    ("  cron: '0 2 * * *'\n  timezone: ../../etc/passwd", "M105", (7, 13), "there is no such time zone"),
    ("  cron: '0 2 * * *'\n  every: 5m", "M105", (5, 3), "one of cron, every and at: it has cron and every"),
    ("  enabled: true", "M105", (5, 3), "it has none of them"),
    ("  every: 0s", "M105", (6, 10), "a whole number of seconds"),
    ("  every: 100ms", "M105", (6, 10), "a whole number of seconds"),
    ("  every: 5 minutes", "M105", (6, 10), "a duration such as 90s"),
    ("  every: -5", "M105", (6, 10), "a whole number of seconds"),
    ("  every: 99999999999", "M105", (6, 10), "a whole number of seconds"),
    ("  at: 0001-01-01", "M105", (6, 7), "a year from 1971"),
    ("  at: 9999-12-31T23:59:59", "M105", (6, 7), "a year from 1971"),
    ("  at: tomorrow", "M105", (6, 7), "such as 2026-07-14T06:30"),
    ("  every: 5m\n  catch_up: last", "M105", (7, 13), "did you mean 'latest'"),
    ("  every: 5m\n  catchup: all", "M103", (7, 3), "did you mean 'catch_up'"),
    ("  every: 5m\n  max_instances: 0", "M105", (7, 18), "greater than or equal to 1"),
    ("  every: 5m\n  misfire_grace_seconds: .inf", "M105", (7, 26), "finite"),
    ("  every: 5m\n  guard: {key: '{region}'}", "M105", (7, 16), "is no key: write {name}"),
    ("  every: 5m\n  guard: {on_busy: waits}", "M105", (7, 20), "did you mean 'wait'"),
    ("  every: 5m\n  guard: {at_most: 0}", "M105", (7, 20), "greater than or equal to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "code", "place", "says"), WRONG, ids=[row[0].strip() for row in WRONG])
def test_each_mistake_is_told_where_it_stands(tmp_path, lines, code, place, says):
    (found,) = loaded(tmp_path, HEAD + lines + "\n").findings
    assert found.code == code
    assert (found.place.line, found.place.column) == place
    assert says in str(found)


def test_several_in_one_file_and_two_of_one_name(tmp_path):
    one = HEAD + "  every: 5m\n"
    found = loaded(tmp_path, one + "---\n" + one.replace("name: s", "name: t") + "---\n" + one)
    assert list(found.schedules) == ["s", "t"]
    assert [finding.message for finding in found.findings] == ["another Schedule is called 's'"]


def test_columns_of_a_table_are_read_with_a_note(tmp_path):
    """The spelling of earlier days: side by side, or below a header."""
    flat = """
        name: refresh
        target_type: group
        target_name: flow.py
        schedule_type: cron
        cron_expression: "0 2 * * *"
        interval_seconds: null
        timezone: America/New_York
        max_instances: 2
        misfire_grace_seconds: 90
        version: 4
    """
    found = loaded(tmp_path, dedent(flat))
    assert found.findings == []
    schedule = found.schedules["refresh"]
    assert (schedule.cron, schedule.timezone, schedule.max_instances) == ("0 2 * * *", "America/New_York", 2)
    assert (schedule.misfire_grace_s, schedule.version, schedule.every_s) == (90, 4, 0)
    assert {note.was for note in found.notes} >= {"target_type", "target_name", "schedule_type", "cron_expression"}
    assert next(note for note in found.notes if note.was == "cron_expression").now == "spec.cron"
    headed = (
        "apiVersion: spine.io/v1\nkind: Schedule\nmetadata: {name: s}\nspec: {target_name: flow.py, interval_seconds: 60}\n"
    )
    found = loaded(tmp_path, headed)
    assert (found.findings, found.schedules["s"].every_s) == ([], 60)
    assert {note.was for note in found.notes} == {"apiVersion: spine.io/v1", "target_name", "interval_seconds"}


def test_a_column_that_says_what_is_said_already_is_refused(tmp_path):
    found = loaded(tmp_path, "name: s\ntarget_name: flow.py\ntarget: flow.py\ninterval_seconds: 60\n")
    assert "says again what is said by another spelling" in str(found.findings[0])


def test_guards_of_groups(tmp_path):
    text = """
        apiVersion: weftline.dev/v1
        kind: PipelineGroup
        metadata: {name: g}
        spec:
          pipelines: [{name: a, pipeline: p}]
          guard: {key: "{group}", at_most: 3, on_busy: fail}
    """
    assert loaded(tmp_path, dedent(text)).groups["g"].guard == Guard("{group}", 3, "fail")


# --- the folder ---


@pytest.fixture
def folder(tmp_path):
    clock = ManualClock()
    made = Folder(tmp_path, clock)

    def current():
        clock.move(1.0)
        return made.current()

    made.now = current
    return made


def test_a_folder_is_as_its_files_are_now(tmp_path, folder):
    assert folder.now() == ({}, (), str(tmp_path))
    file = tmp_path / "s.yaml"
    file.write_text(HEAD + "  every: 5m\n")
    assert folder.now().schedules["s"].every_s == 300
    file.write_text(HEAD + "  every: 10m\n")
    folder.now()
    assert folder.now().schedules["s"].every_s == 600
    file.write_text(HEAD + "  every: never\n")
    folder.now()
    found = folder.now()
    assert found.schedules["s"].every_s == 600, "what was sound holds"
    assert "never" in str(found.findings)
    file.unlink()
    assert folder.now() == ({}, (), str(tmp_path))


def test_names_are_looked_up_in_the_folder(tmp_path, folder):
    """A target may be the name of what another file declares."""
    (tmp_path / "s.yaml").write_text(HEAD.replace("flow.py", "nightly") + "  every: 5m\n")
    head = "apiVersion: weftline.dev/v1\nkind: PipelineGroup\nmetadata: {name: nightly}\n"
    (tmp_path / "groups.yaml").write_text(head + "spec: {pipelines: [{name: a, pipeline: p}]}\n")
    assert folder.now().schedules["s"].target == f"{tmp_path}/groups.yaml:nightly"


def test_a_name_stands_once_in_a_folder(tmp_path, folder):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(HEAD + "  every: 5m\n")
    found = folder.now()
    assert found.schedules["s"].place.file.endswith("a.yaml")
    (finding,) = found.findings
    assert finding.place.file.endswith("b.yaml")
    assert "a.yaml:3" in str(finding)
