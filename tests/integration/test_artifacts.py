"""Files and folders that nodes make: stored when the node ends, restored wherever they are wanted."""

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from weftline import File, Folder, Pipeline, node
from weftline.store import artifacts
from weftline.store.artifacts import ArtifactFolder

LARGE = 3 << 20


@pytest.fixture(params=["", "sqlite:{}/one.db", "shared:{}/team"], ids=["home", "sqlite", "shared"])
def home(request, tmp_path, monkeypatch):
    if request.param:
        monkeypatch.setenv("WEFTLINE_CACHE", request.param.format(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@node
def report(rows: int = 3) -> File:
    path = Path("report.csv")
    path.write_text("row\n" * rows)
    return File(path)


@node
def large(size: int = LARGE) -> File:
    Path("large.bin").write_bytes(bytes(at % 251 for at in range(1000)) * (size // 1000))
    return File("large.bin")


@node
def site(title: str = "weft") -> Folder:
    root = Path("site")
    (root / "img" / "empty").mkdir(parents=True, exist_ok=True)
    (root / "index.html").write_text(f"<h1>{title}</h1>")
    (root / "img" / "dot.png").write_bytes(b"\x89PNG" * 1000)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    return Folder(root)


@node
def total(report: File, large: File, site: Folder) -> tuple[int, int, str]:
    return (
        len(report.path.read_text().splitlines()),
        large.path.stat().st_size,
        (site.path / "index.html").read_text(),
    )


pipeline = Pipeline([report, large, site, total], name="made")


def test_they_come_back_although_the_nodes_have_left_nothing(home, tmp_path):
    first = pipeline.run(home=home)
    assert first["total"] == (3, LARGE // 1000 * 1000, "<h1>weft</h1>")
    for name in ("report.csv", "large.bin"):
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / "site")
    shutil.rmtree(home / "artifacts")
    again = pipeline.run(home=home, force=["total"])
    assert again.steps["report"].cached
    assert again.steps["site"].cached
    assert again["total"] == first["total"]
    assert again["report"].path.read_text() == "row\n" * 3
    assert again["report"].path.name == "report.csv"
    folder = again["site"].path
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "img", "img/dot.png", "img/empty", "index.html", "run.sh"
    ]  # fmt: skip
    assert (folder / "run.sh").stat().st_mode & 0o100
    assert not (folder / "index.html").stat().st_mode & 0o100
    assert pipeline.plan(home=home).is_work_pending is False


def test_a_file_that_comes_out_equal_stops_the_work_there(home):
    pipeline.run(home=home)
    again = pipeline.run(home=home, force=["report", "site"])
    assert again.steps["report"].status == "succeeded"
    assert again.steps["total"].cached
    other = pipeline.run(home=home, params={"rows": 4})
    assert other.steps["total"].status == "succeeded"
    assert other["total"][0] == 4


def test_the_name_counts_and_the_folder_above_it_does_not(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a.csv", "b.csv"):
            (tmp_path / folder / name).write_text("same")
    a, b = File(tmp_path / "one" / "a.csv"), File(tmp_path / "one" / "b.csv")
    assert a == File(tmp_path / "two" / "a.csv") != b
    assert hash(a) == hash(File(tmp_path / "two" / "a.csv"))


def test_calls_with_paths_of_their_own(home):
    @node
    def numbers() -> list[int]:
        return [1, 2, 3]

    @node(requires={"n": "numbers"}, over="numbers")
    def files(n: int) -> File:
        Path(f"{n}.txt").write_text(str(n) * 100_000)
        return File(f"{n}.txt")

    @node
    def texts(files: list[File]) -> list[str]:
        return [file.path.read_text()[0] for file in files]

    @node(requires={"file": "files"}, over="files")
    def each(file: File) -> str:
        return Path(file).read_text()[:1]

    made = Pipeline([numbers, files, texts, each], name="fan")
    first = made.run(home=home, backend="inline")
    assert first["texts"] == first["each"] == ["1", "2", "3"]
    assert made.run(home=home)["texts"] == ["1", "2", "3"]


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_path_that_another_call_has_written_to_is_refused(home, backend):
    @node
    def numbers() -> list[int]:
        return list(range(40))

    @node(requires={"n": "numbers"}, over="numbers")
    def files(n: int) -> File:
        Path("same.txt").write_text(str(n) * 100_000)
        return File("same.txt")

    flow = Pipeline([numbers, files], name="fan")
    made = flow.run(home=home, backend=backend, workers=1, on_failure="continue")
    assert made.status == "partial"
    assert {failure.kind for _, failure in made.failures} == {"NoArtifactError"}
    assert not flow.plan(home=home)["files"].entries, "what was written to twice is not stored"


def test_two_nodes_that_write_to_one_path_one_after_the_other_are_refused(home):
    """The first one is long over when the second one spoils its file."""

    @node
    def first() -> File:
        Path("same.txt").write_text("1")
        return File("same.txt")

    @node(requires={"before": "first"})
    def second(before: File) -> File:
        Path("same.txt").write_text("2")
        return File("same.txt")

    flow = Pipeline([first, second], name="two")
    made = flow.run(home=home, backend="inline", on_failure="continue")
    assert made.status == "partial"
    assert {failure.kind for _, failure in made.failures} == {"NoArtifactError"}
    assert flow.plan(home=home)["first"].decision == "RUN", "its file was written to after it was stored"


def test_calls_that_write_to_one_path_at_the_same_time_are_refused(home):
    """The first one to return would otherwise have the other's content."""

    @node
    def numbers() -> list[int]:
        return [0, 1]

    @node(requires={"n": "numbers"}, over="numbers", depends=[])
    def files(n: int) -> File:
        time.sleep(0.4 * n)
        Path("same.txt").write_text(str(n) * 2_000_000)
        time.sleep(0.8 - 0.4 * n)
        return File("same.txt")

    flow = Pipeline([numbers, files], name="fan")
    made = flow.run(home=home, backend="threads", workers=2, on_failure="continue")
    assert made.status in {"partial", "failed"}
    assert not flow.plan(home=home)["files"].entries


def test_a_file_that_was_read_may_be_handed_on(home):
    @node
    def passed(report: File) -> File:
        return report

    @node
    def again(report: File) -> File:
        return report

    flow = Pipeline([report, passed, again], name="passed")
    flow.run(home=home)
    result = flow.run(home=home, force=["passed", "again"])
    assert result["again"].path.read_text() == result["passed"].path.read_text() == "row\n" * 3


def test_files_inside_of_other_values(home):
    @node
    def pages() -> dict[str, File]:
        for name in ("a.txt", "b.txt"):
            Path(name).write_text(name * 50_000)
        return {"first": File("a.txt"), "second": File("b.txt")}

    made = Pipeline([pages], name="pages")
    made.run(home=home)
    Path("a.txt").unlink()
    found = made.run(home=home)["pages"]
    assert {name: file.path.read_text()[:5] for name, file in found.items()} == {"first": "a.txt", "second": "b.txt"}


def test_a_file_that_is_not_there_fails_the_node(home):
    @node
    def nothing() -> File:
        return File("nowhere.csv")

    result = Pipeline([nothing], name="nothing").run(home=home)
    assert result.status == "failed"
    ((_, failure),) = result.failures
    assert failure.finding.code == "K413"
    assert "nowhere.csv" in failure.finding.message


def test_a_workers_files_come_back(home, tmp_path):
    result = pipeline.run(home=home, backend="processes", targets=["report"])
    (tmp_path / "report.csv").unlink()
    assert result["report"].path.read_text() == "row\n" * 3


def test_without_a_home_a_file_is_where_the_node_has_left_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = pipeline.run(home=None)
    assert result["total"][0] == 3
    assert result["report"].path == Path("report.csv")


def test_a_large_file_of_the_home_is_linked_and_not_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = pipeline.run(home=tmp_path / "home")
    assert result["large"].path.is_symlink()
    assert result["large"].path.resolve().is_relative_to(tmp_path / "home" / "cache" / "objects")


def test_a_stored_folder_never_leads_out_of_its_place(tmp_path):
    from weftline.codec.artifact import _head, unpacked

    for name in ("../out", "/etc/out", "a/../../out"):
        content = _head([(name, None)])
        with pytest.raises(ValueError, match="a folder with"):
            list(unpacked(content))


# --- what somebody has done to restored ones ---


def overwrite(path):
    """As a program does that opens it for writing; the size stays."""
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def overwrite_and_hide(path):
    """As `touch -r` and `cp -p` do: size and time stay."""
    before = path.stat()
    overwrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_a_folder_there(path):
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def lead_elsewhere(path):
    other = path.with_name("other")
    shutil.copy(path, other)
    overwrite(other)
    path.unlink()
    path.symlink_to(other)


HARMS = [overwrite, overwrite_and_hide, put_a_folder_there, lead_elsewhere, Path.unlink]


@node
def sums(report: File, large: File, site: Folder, salt: int = 0) -> list[str]:
    files = sorted(path for path in site.path.rglob("*") if path.is_file())
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (report.path, large.path, *files)]


def restored(home, salt, made):
    """Files and folder in a run that has to restore them, with what a node has read there."""
    result = made.run(home=home, params={"salt": salt})
    assert result.status == "completed", result.failures
    return result, result["sums"]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["report", "large"])
def test_whoever_reads_a_restored_file_that_was_written_to_gets_what_was_stored(home, name, harm):
    made = Pipeline([report, large, site, sums], name="made")
    first, right = restored(home, 0, made)
    harm(first[name].path)
    again, found = restored(home, 1, made)
    assert found == right
    assert hashlib.sha256(again[name].path.read_bytes()).hexdigest() in right
    assert restored(home, 2, made)[1] == right


def add(folder):
    (folder / "img" / "more.png").write_bytes(b"more")


def take_away(folder):
    (folder / "img" / "dot.png").unlink()


def write_below(folder):
    overwrite_and_hide(folder / "img" / "dot.png")


def make_executable(folder):
    (folder / "index.html").chmod(0o755)


def remove_empty(folder):
    (folder / "img" / "empty").rmdir()


def put_a_file_there(folder):
    shutil.rmtree(folder)
    folder.write_text("no folder")


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("harm", [add, take_away, write_below, make_executable, remove_empty, put_a_file_there, empty])
def test_a_restored_folder_that_was_changed_is_restored_again(home, harm):
    made = Pipeline([report, large, site, sums], name="made")
    first, right = restored(home, 0, made)
    harm(first["site"].path)
    again, found = restored(home, 1, made)
    assert found == right
    folder = again["site"].path
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "img", "img/dot.png", "img/empty", "index.html", "run.sh"
    ]  # fmt: skip
    assert not (folder / "index.html").stat().st_mode & 0o100


def test_in_one_process_too_although_a_copy_was_compared_before(tmp_path):
    content = bytes(range(256)) * 5000
    shelf = ArtifactFolder(tmp_path, lambda digest: None)
    path = shelf.file("a.bin", b"d" * 32, content)
    old = time.time() - 10
    os.utime(path, (old, old))
    for _ in range(3):
        assert shelf.file("a.bin", b"d" * 32, content).read_bytes() == content
        overwrite_and_hide(path)
        assert shelf.file("a.bin", b"d" * 32, content).read_bytes() == content


def test_two_who_restore_a_folder_do_not_take_it_away_from_each_other(tmp_path, monkeypatch):
    """The second finds what the first has just put there."""
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.txt").write_text("a")
    content = b"".join(Folder(tmp_path / "made").pieces())
    one, other = (ArtifactFolder(tmp_path / "shelf", lambda digest: None) for _ in range(2))
    inodes = []
    unpack = artifacts._unpack

    def meanwhile(folder, packed):
        monkeypatch.setattr(artifacts, "_unpack", unpack)
        inodes.append(other.folder("made", b"d" * 32, content).stat().st_ino)
        unpack(folder, packed)

    monkeypatch.setattr(artifacts, "_unpack", meanwhile)
    inodes.append(one.folder("made", b"d" * 32, content).stat().st_ino)
    assert inodes[0] == inodes[1]
