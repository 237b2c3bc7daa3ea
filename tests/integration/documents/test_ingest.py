import json
import os

import pytest

from weftline.documents.ingest import FolderIngest, read_records
from weftline.documents.parse import parse_record
from weftline.documents.stages import StageContext
from weftline.documents.types import ProblemKind
from weftline.errors import DataError, NoRecordsError


def record(number, **more):
    identity = {"nctId": f"NCT0000000{number}", "briefTitle": f"Trial {number}"}
    return json.dumps({"protocolSection": {"identificationModule": identity}, **more})


def test_one_payload_per_file_sorted_by_name(tmp_path):
    for number in (3, 1, 2):
        (tmp_path / f"{number}.json").write_text(record(number))
    (tmp_path / "notes.txt").write_text("not a record")
    (tmp_path / "folder.json").mkdir()
    payloads = FolderIngest().execute(StageContext(), str(tmp_path))
    assert [payload.source for payload in payloads] == ["1.json", "2.json", "3.json"]
    assert {payload.media_type for payload in payloads} == {"application/json"}
    assert payloads[0].data == (tmp_path / "1.json").read_bytes()


def test_one_file_is_a_source_too(tmp_path):
    (tmp_path / "one.json").write_text(record(1))
    (payload,) = read_records(str(tmp_path / "one.json"))
    assert parse_record(payload).id == "NCT00000001"


@pytest.mark.parametrize("name", ["missing", ""])
def test_a_source_without_records_is_an_error(tmp_path, name):
    with pytest.raises(NoRecordsError, match="-p source=FOLDER"):
        read_records(str(tmp_path / name))


def outcome(payload):
    """The id of the document, or the code of the finding, which names the file."""
    try:
        return parse_record(payload).id
    except DataError as finding:
        return finding.code if finding.place.file == payload.source else finding.place


def test_a_folder_of_bad_records_gives_one_finding_each_and_the_good_ones(tmp_path):
    contents = {
        "a_good.json": record(1).encode(),
        "b_empty.json": b"",
        "c_blank.json": b" \n\t",
        "d_broken.json": b'{"protocolSection": ',
        "e_utf16.json": record(5).encode("utf-16"),
        "f_latin1.json": record(6).encode() + "é".encode("latin-1"),
        "g_list.json": b"[]",
        "h_no_id.json": b'{"protocolSection": {}}',
        "i_twice.json": record(1, hasResults=True).encode(),
        "j_large.json": record(7).encode() + b" " * 2000,
        "k_wrong.json": record(8, derivedSection=[]).encode(),
        "l_good.json": record(9).encode(),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    codes = {payload.source: outcome(payload) for payload in read_records(str(tmp_path), max_record_bytes=1000)}
    assert list(codes.values()) == [
        "NCT00000001", "D701", "D701", "D701", "D701", "D701", "D701", "D702", "D704", "D703", "D708", "NCT00000009",
    ]  # fmt: skip


def test_the_bytes_of_a_file_that_is_too_large_are_not_read(tmp_path):
    (tmp_path / "large.json").write_bytes(b"x" * 101)
    (payload,) = read_records(str(tmp_path), max_record_bytes=100)
    assert (payload.data, payload.problem.kind, payload.problem.size_bytes) == (b"", ProblemKind.OVERSIZED, 101)
    (payload,) = read_records(str(tmp_path), max_record_bytes=101)
    assert payload.problem is None


def test_of_two_files_with_one_id_the_first_by_name_counts(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.json").write_text(record(1, note=name))
    first, *others = read_records(str(tmp_path))
    assert first.problem is None
    assert [other.problem.first for other in others] == [first.source] * 2


def test_a_link_to_nowhere_is_a_finding(tmp_path):
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere.json")
    (payload,) = read_records(str(tmp_path))
    assert payload.problem.kind is ProblemKind.UNREADABLE
    with pytest.raises(DataError, match="cannot be read"):
        parse_record(payload)


def test_a_name_that_is_no_text_can_still_be_told(tmp_path):
    (tmp_path / os.fsdecode(b"bad\xff.json")).write_text(record(1))
    (payload,) = read_records(str(tmp_path))
    assert payload.source.endswith("bad?.json")
