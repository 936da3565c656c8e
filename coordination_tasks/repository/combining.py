"""Combining: of many concurrent writers, the winner of a race also does the losers' requests.

Of many writers, the one that has just won knows the newest version first and wins again. So the
loser of a race leaves a note with its request; the next winner fulfils it along with its own and
removes the note in the same write. So each request is done once, and a note that was withdrawn
was not and will not be done.
"""

from __future__ import annotations

from coordination_tasks.domain.errors import WriteRefused
from coordination_tasks.repository.protocol import Note, Repository, Unanswered, Version


class CombinedWrites:
    """The combined writes of `owner`, one transaction after another. Not for several threads."""

    def __init__(self, repository: Repository, owner: str) -> None:
        self._repository = repository
        self._owner = owner
        self._request = b""
        self._may_have_note = False
        self._is_note_unanswered = False
        self._can_leave_notes = True
        self.looks_first = False
        """Whether we wrote last: then waiting writers are checked before the first try."""
        self.notes: tuple[Note, ...] = ()
        """The notes beside the newest version, including our own."""

    def request(self, data: bytes) -> None:
        """Set what others can do for us in the next transaction. Raises Unavailable."""
        if self._may_have_note and data != self._request:
            self.withdraw()
            self._may_have_note = self._is_note_unanswered = False
        self._request = data
        self.notes = ()

    def fetch(self, *, lost: bool) -> Version:
        """The newest version, with its notes if we `lost` a race or let others go first."""
        self.notes = ()
        if lost and not self._may_have_note:
            self._leave_note()
        if not self._can_leave_notes or not (lost or self.looks_first):
            return self._repository.fetch()
        self.notes = self._repository.fetch_notes()
        known = self._repository.known()
        return self._repository.fetch() if known is None else known

    @property
    def place(self) -> int:
        """Number of waiting writers that should write before us; 0: it is our turn."""
        by_lot = sorted(self.notes, key=lambda note: note.mark)
        places = [place for place, note in enumerate(by_lot) if note.owner == self._owner]
        return places[0] if places else 0

    def give_up_notes(self) -> None:
        """The remote accepts no notes: everyone writes for themselves."""
        self._can_leave_notes = False

    def done(self, *, by_own_write: bool) -> None:
        """Our request is done; remove the note that nobody took."""
        self.looks_first = True
        seen = any(note.owner == self._owner for note in self.notes)
        if self._is_note_unanswered or (seen and not by_own_write):
            self.withdraw()
        self._may_have_note = self._is_note_unanswered = False

    def is_done_by_another(self) -> bool:
        """Whether somebody took the note before we withdrew it; if not, nobody can any more."""
        if not self._may_have_note:
            return False
        gone = not self.withdraw()
        self._may_have_note = self._is_note_unanswered = False
        return gone

    def withdraw(self) -> bool:
        """Remove our note or that of an earlier process; False when there is none."""
        try:
            return self._repository.withdraw_note(self._owner)
        except WriteRefused:
            return True  # where branches cannot be deleted, nobody can take a note either

    def _leave_note(self) -> None:
        if not self._can_leave_notes:
            return
        self._may_have_note = True
        try:
            self._repository.leave_note(self._owner, self._request)
        except Unanswered:
            self._is_note_unanswered = True
        except WriteRefused:
            self._may_have_note = False
            self.give_up_notes()
