"""What the daemon says, so that nobody has to guess why something does not start."""

from dataclasses import replace

from weftline.errors import Place
from weftline.model.schedule import Schedule
from weftline.serve.words import changes, last_words


def test_the_last_words_of_a_process_are_its_last_error_or_else_its_last_line(tmp_path):
    log = tmp_path / "log"
    assert last_words(log) == ""
    log.write_bytes(b"")
    assert last_words(log) == ""
    log.write_text("one\nRuntimeError: no database\n\n")
    assert last_words(log) == "RuntimeError: no database"
    log.write_text(
        "[G200] first\n" * 3 + "x" * 9000 + "\n[G200] it is not valid: 1 finding\n[G213] step 'b'\n  fix  name one of: a\n"
    )
    assert last_words(log) == "[G213] step 'b'"


def test_what_has_changed_about_schedules_is_told():
    one, two = Schedule("one", "flow.py", every_s=60), Schedule("two", "flow.py", cron="0 2 * * *", timezone="Europe/Berlin")
    assert list(changes({}, {"one": one, "two": two}, 30.0)) == [
        "one: every 60 s; runs flow.py; next 1970-01-01T00:01:00 UTC",
        "two: cron 0 2 * * * in Europe/Berlin; runs flow.py; next 1970-01-01T01:00:00 UTC",
    ]
    over = Schedule("two", "flow.py", at=0, timezone="Europe/Berlin")
    assert list(changes({"one": one, "two": two}, {"two": over}, 30.0)) == [
        "two: at 1970-01-01T01:00:00 Europe/Berlin; runs flow.py; no more moments",
        "one: is not declared any more",
    ]
    moved = replace(one, place=Place("schedules/one.yaml", 7))
    assert list(changes({"one": one}, {"one": moved}, 30.0)) == []
    disabled = Schedule("one", "flow.py", every_s=60, enabled=False)
    assert list(changes({"one": one}, {"one": disabled}, 30.0)) == ["one: never: it is disabled; runs flow.py; no more moments"]
