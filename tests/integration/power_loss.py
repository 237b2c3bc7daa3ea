"""A disk that loses power: records what processes ask of the file system, and makes the folder that would be found after.

What was asked is written down by a preloaded library, `power_loss.c`, which a C compiler makes when a test needs it. A `Disk`
is told the records one by one, and says at any of them what may be left. What it takes for certain:

- What was written to a file, and its size, after an fsync or fdatasync of that file.
- Names (created, renamed, removed) after an fsync of their folder. A new file or folder that is flushed itself also keeps
  the name under which it was created, and so do the new folders above it: file systems with a journal (ext4, XFS, Btrfs) do
  so, and nobody could flush the folder above everything. A rename is not kept by this, as it would be on ext4: POSIX promises
  it to nobody, and programs that rely on it have lost data elsewhere.

Everything else is left to chance, in more ways than a real disk has. Each write is kept, dropped, or torn: only some of
its sectors, of 512 bytes each, are there. Changes of names are kept or dropped too, in order or in any combination, but
a change is never kept when an earlier one of the same name is dropped. A rename happens completely or not at all.
"""

import ctypes
import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

_SECTOR = 512
_HEAD = struct.Struct("<QQqQQ")
_SOURCE = Path(__file__).with_suffix(".c")
_ROOT = Path(__file__).parents[2]


class Record(NamedTuple):
    """One operation, by its letter: Open, Write, Truncate, Flush, make Directory, Unlink, Rename, Link, Mark."""

    kind: str
    handle: int
    number: int
    first: bytes
    second: bytes


class Recorder:
    """Runs programs whose operations below a folder are written down.

    Args:
        place: an empty folder, for the library, the logs, and what the programs make.
    """

    def __init__(self, place):
        self._place = place.resolve()
        self._library = self._place / "power_loss.so"
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None or sys.platform != "linux":
            pytest.skip("the recorder is a C library to be preloaded: this needs Linux and a C compiler (cc, gcc or clang)")
        words = [compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(self._library), str(_SOURCE), "-ldl", "-lpthread"]
        subprocess.run(words, check=True)

    def record(self, name, *programs):
        """Runs programs at once, each told the folder as its last word: the folder and the records."""
        folder, log = self._place / name, self._place / f"{name}.log"
        folder.mkdir()
        environment = {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "POWER_LOSS_ROOT": str(folder),
            "POWER_LOSS_LOG": str(log),
            "PYTHONHASHSEED": "0",
        }
        running = [subprocess.Popen([*words, str(folder)], env=environment, cwd=_ROOT) for words in programs]
        codes = [process.wait(timeout=120) for process in running]
        assert not any(codes), f"the programs ended with {codes}"
        return folder, read(log)


class Pen:
    """What a recorded program may do with its recording."""

    def __init__(self):
        self._library = ctypes.CDLL(None)

    def mark(self, *words):
        """Writes something down."""
        self._library.power_loss_mark(json.dumps(words).encode())

    def arm(self, operations, error=0):
        """Lets an operation from now go wrong: with an errno, or, for 0, with the end of the process and exit code 77."""
        self._library.power_loss_arm(ctypes.c_long(operations), error)

    def has_struck(self):
        """Whether it did."""
        return bool(self._library.power_loss_struck())


def read(log):
    """The records of a log."""
    content, at, found = log.read_bytes(), 0, []
    while at < len(content):
        kind, handle, number, first, second = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        found.append(Record(chr(kind), handle, number, content[at : at + first], content[at + first : at + first + second]))
        at += first + second
    return found


class _Node:
    """A file or a folder.

    Attributes:
        content: of a file, as far as it is certain.
        pending: what was done to it since: an offset and bytes, or a size and None.
        kept: names in a folder, as far as they are certain.
        now: names in a folder, as programs see them.
        birth: the change of names that made it; None if that is certain.
    """

    __slots__ = ("birth", "content", "is_folder", "kept", "now", "path", "pending")

    def __init__(self, path, *, is_folder):
        self.path = path
        self.is_folder = is_folder
        self.content = bytearray()
        self.pending = []
        self.kept = {}
        self.now = {}
        self.birth = None


class _Change(NamedTuple):
    """Names that change in one step: folder, name, and what it names then, or None."""

    effects: tuple

    @property
    def places(self):
        return {(id(folder), name) for folder, name, _ in self.effects}


class Disk:
    """What programs have asked of a disk, and what of it is certain.

    Args:
        root: the folder that was recorded.
        honours: whether a flush of that path, below the root, is a flush: by this, a disk may be made to lie.
    """

    def __init__(self, root, honours=lambda path, is_folder: True):
        self._root = str(root).encode() + b"/"
        self._top = _Node("", is_folder=True)
        self._changes = []
        self._handles = {}
        self._honours = honours

    # --- what happens ---

    def do(self, record):
        """The next operation."""
        _DO[record.kind](self, record)

    def _open(self, record):
        was_made, was_truncated = record.number & 1, record.number & 2
        if was_made:
            self._make(record.first, is_folder=False)
        node = self._find(record.first)
        if was_truncated and not was_made:
            node.pending.append((0, None))
        self._handles[record.handle] = node

    def _write(self, record):
        self._handles[record.handle].pending.append((record.number, record.first))

    def _truncate(self, record):
        self._handles[record.handle].pending.append((record.number, None))

    def _flush(self, record):
        node = self._handles[record.handle]
        if not self._honours(node.path, node.is_folder):
            return
        for at, content in node.pending:
            _apply(node.content, at, content)
        node.pending.clear()
        if node.is_folder:
            self._settle([change for change in self._changes if any(folder is node for folder, _, _ in change.effects)])
        while node.birth is not None:
            birth, node.birth = node.birth, None
            self._settle([birth])
            node = birth.effects[0][0]

    def _make_folder(self, record):
        self._make(record.first, is_folder=True)

    def _unlink(self, record):
        folder, name = self._place(record.first)
        self._change((folder, name, None))

    def _rename(self, record):
        folder, name = self._place(record.first)
        to, new_name = self._place(record.second)
        self._change((folder, name, None), (to, new_name, folder.now[name]))

    def _link(self, record):
        to, new_name = self._place(record.second)
        self._change((to, new_name, self._find(record.first)))

    def _mark(self, record):
        """Nothing that a disk would hear of."""

    def _make(self, path, *, is_folder):
        folder, name = self._place(path)
        node = _Node(path.removeprefix(self._root).decode(), is_folder=is_folder)
        node.birth = self._change((folder, name, node))

    def _change(self, *effects):
        change = _Change(effects)
        self._changes.append(change)
        for folder, name, node in effects:
            _name(folder.now, name, node)
        return change

    def _settle(self, certain):
        """Makes changes certain, and with them earlier ones of the same names."""
        left, wanted, places = [], {id(change) for change in certain}, set()
        for change in reversed(self._changes):
            if id(change) in wanted or change.places & places:
                places |= change.places
                wanted.add(id(change))
        for change in self._changes:
            if id(change) not in wanted:
                left.append(change)
                continue
            for folder, name, node in change.effects:
                _name(folder.kept, name, node)
                if node is not None and node.birth is change:
                    node.birth = None
        self._changes = left

    def _find(self, path):
        if path + b"/" == self._root:
            return self._top
        folder, name = self._place(path)
        return folder.now[name]

    def _place(self, path):
        folder = self._top
        *parents, name = path.removeprefix(self._root).decode().split("/")
        for parent in parents:
            folder = folder.now[parent]
        return folder, name

    # --- what is found after ---

    def everything(self, target):
        """Writes what programs saw last."""
        self._write_folder(self._top, target, lambda folder: folder.now, lambda pending: pending)

    def loss(self, rng, target, below=""):
        """Writes what may be left if the power fails now.

        Args:
            rng: decides.
            target: a folder that is not there yet.
            below: the part that is wanted.
        """
        chance = rng.choice((0.0, 0.0, 0.1, 0.5, 0.9, 1.0))
        names = self._names(rng, rng.choice((0.0, chance, chance)), in_order=rng.random() < 0.3)

        def named(folder):
            return names.get(id(folder), folder.kept)

        def kept(pending):
            for at, content in pending:
                if rng.random() < chance:
                    if content is not None and chance < 1 and rng.random() < 0.3:
                        yield from _torn(rng, at, content)
                    else:
                        yield at, content

        top = self._top
        for name in filter(None, below.split("/")):
            top = named(top).get(name)
            if top is None:
                target.mkdir()
                return
        self._write_folder(top, target, named, kept, rng)

    def _names(self, rng, chance, *, in_order):
        """The names in folders for which something was pending, when chance has decided."""
        found, dropped = {}, set()
        last = rng.randint(0, len(self._changes)) if 0 < chance < 1 else None
        for number, change in enumerate(self._changes):
            is_kept = number < last if in_order and last is not None else rng.random() < chance
            if not is_kept or change.places & dropped:
                dropped |= change.places
                continue
            for folder, name, node in change.effects:
                _name(found.setdefault(id(folder), dict(folder.kept)), name, node)
        return found

    def _write_folder(self, top, target, named, kept, rng=None):
        left = [(top, target)]
        while left:
            folder, path = left.pop()
            path.mkdir()
            for name, node in named(folder).items():
                if node.is_folder:
                    left.append((node, path / name))
                    continue
                content = node.content
                if node.pending:
                    content = bytearray(content)
                    for at, part in kept(node.pending):
                        _apply(content, at, part)
                (path / name).write_bytes(content)
                if name.endswith("-wal") and rng is not None and rng.random() < 0.3:  # memory that once was shared
                    (path / name.replace("-wal", "-shm")).write_bytes(rng.randbytes(32 << 10))


_DO = {
    "O": Disk._open,
    "W": Disk._write,
    "T": Disk._truncate,
    "F": Disk._flush,
    "D": Disk._make_folder,
    "U": Disk._unlink,
    "R": Disk._rename,
    "L": Disk._link,
    "M": Disk._mark,
}


def _name(names, name, node):
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _apply(content, at, part):
    if part is None:
        del content[at:]
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    if part is not None:
        content[at : at + len(part)] = part


def _torn(rng, at, content):
    """Some sectors of a write: those up to one of them, or any."""
    cuts = [0, *range(_SECTOR - at % _SECTOR, len(content), _SECTOR), len(content)]
    sectors = [(at + start, content[start:end]) for start, end in itertools.pairwise(cuts)]
    if rng.random() < 0.5:
        return sectors[: rng.randint(0, len(sectors))]
    return [sector for sector in sectors if rng.random() < 0.5]


def told(record):
    """A record in words."""
    names = [part.decode(errors="replace") for part in (record.first, record.second) if record.kind not in "WM"]
    text = record.first[:120].decode() if record.kind == "M" else f"{len(record.first)} bytes" if record.kind == "W" else ""
    return " ".join(filter(None, (record.kind, f"{record.handle:x}", str(record.number), *names, text)))
