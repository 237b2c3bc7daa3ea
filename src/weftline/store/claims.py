"""Who works on a run, in a database that speaks SQL; and the fence that keeps out who does not work on it any more.

Theory of operation. A claim has an epoch, which rises whenever a run changes hands. Who claimed a run here remembers it, and
each append compares; since claims and appends of one run exclude each other, a process whose run was taken over can never
write again, however long it slept. Claims need no flush where all processes are on one machine: what
loses them ends all holders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from weftline.errors import RunTakenOverError
from weftline.ports.ledger import Wanted
from weftline.store.holder import described

if TYPE_CHECKING:
    from weftline.store.journals import Database

_FIND = "SELECT holder, coalesce(epoch, 0) FROM claims LEFT JOIN fences USING (run) WHERE run = ?"
_CLAIM = "INSERT INTO claims (run, holder) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET holder = excluded.holder"
_FENCE = "INSERT INTO fences (run, epoch) VALUES (?, 1) ON CONFLICT (run) DO UPDATE SET epoch = fences.epoch + 1"
_UNFENCE = """
    DELETE FROM fences WHERE run = ? AND NOT EXISTS (SELECT 1 FROM claims WHERE claims.run = fences.run)
    AND NOT EXISTS (SELECT 1 FROM events WHERE events.run = fences.run)
"""


class Claim(NamedTuple):
    """Who has a run, and how often it had changed hands by then."""

    holder: str
    epoch: int


class Claims:
    """The tables `claims` and `fences`, and the claims that were made here."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._mine: dict[str, Claim] = {}

    def find(self, run: str) -> Claim | None:
        """Who has a run."""
        rows = self._db.query(_FIND, (run,))
        return Claim(*rows[0]) if rows else None

    def check(self, run: str) -> None:
        """To be asked in the transaction that writes.

        Raises:
            RunTakenOverError: somebody else has the run; or it was claimed here, and is not any more.
        """
        self._compare(run, self.find(run))

    def check_mine(self, run: str) -> None:
        """The same of a run that has to be claimed here.

        Raises:
            RunTakenOverError: it is not.
        """
        found = self.find(run)
        self._compare(run, found)
        if found is None:
            raise RunTakenOverError(run=run, holder="nobody works on it")

    def _compare(self, run: str, found: Claim | None) -> None:
        if found != self._mine.get(run):
            holder = "nobody works on it" if found is None else f"process {described(found.holder)} has it"
            raise RunTakenOverError(run=run, holder=holder)

    def claim(self, wanted: Sequence[Wanted]) -> dict[str, str]:
        """Takes runs, each for one holder; tells who has each of them then."""
        found = {each.run: given for each in wanted if (given := self._given(each)) is not None}
        missing = [each for each in wanted if each.run not in found]

        def take(_: bool) -> None:
            for each in missing:
                found[each.run] = self._take(each)

        if missing:
            self._db.transact(take, *sorted(each.run for each in missing), is_passing=True)
        self._mine.update({run: found[run] for run, holder, _ in wanted if found[run].holder == holder})
        return {run: claim.holder for run, claim in found.items()}

    def _given(self, wanted: Wanted) -> Claim | None:
        """Who has what another process has claimed in the name of its holder: nothing changes, so it needs no transaction."""
        return self.find(wanted.run) if wanted.instead_of == wanted.holder else None

    def _take(self, wanted: Wanted) -> Claim:
        run, holder, instead_of = wanted
        found = self.find(run)
        is_namesake = found is not None and found.holder == holder and found != self._mine.get(run)
        if found is None or found.holder == instead_of or is_namesake:  # of another part of the same process
            self._db.query(_CLAIM, (run, holder))
            self._db.query(_FENCE, (run,))
            found = self.find(run)
        assert found is not None
        return found

    def release(self, run: str, holder: str) -> None:
        """Gives a run back, if that holder has it, and no namesake has taken it since."""
        mine = self._mine.pop(run, None)

        def give(_: bool) -> None:
            found = self.find(run)
            if found is not None and found.holder == holder and mine in {None, found}:
                self._db.query("DELETE FROM claims WHERE run = ?", (run,))
                self.forget(run)

        self._db.transact(give, run, is_passing=True)

    def forget(self, run: str) -> None:
        """Drops the number of a run that has neither events nor a claim: who removes a journal has the claim until the end."""
        self._db.query(_UNFENCE, (run,))
