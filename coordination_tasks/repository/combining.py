"""Combining: of many who write at once, the one that wins does what the others ask for, too.

Of many writers the one that has just won knows the newest version first, and wins again. So who
has lost a race leaves a note with its request; whoever wins next does that along with its own, and
takes the note away by the same write. So it is done once, and a note that is withdrawn was not
done and cannot be any more.
"""

from __future__ import annotations

from collections.abc import Callable

from coordination_tasks.domain.errors import WriteRefused
from coordination_tasks.repository.protocol import Note, Repository, Rewritten, Unanswered, Version


class CombinedWrites:
    """Those of `owner`, one transaction after the other. Not for several threads at once."""

    def __init__(self, repository: Repository, owner: str) -> None:
        self._repository = repository
        self._owner = owner
        self._request = b""
        self._may_have_note = False
        self._is_note_unanswered = False
        self._can_leave_notes = True
        self.looks_first = False
        """Whether we wrote last: then it is looked who waits before the first try."""
        self.notes: tuple[Note, ...] = ()
        """What is asked for beside the newest version, our own request as well."""

    def request(self, data: bytes) -> None:
        """Say what others can do for us in the next transaction. Raises Unavailable."""
        if self._may_have_note and data != self._request:
            self.withdraw()
            self._may_have_note = self._is_note_unanswered = False
        self._request = data
        self.notes = ()

    def fetch(
        self,
        fetch_newest: Callable[[], Version],
        adopt: Callable[[Rewritten], Version],
        *,
        lost: bool,
    ) -> Version:
        """The newest version, and the notes beside it if we `lost` a race or look first."""
        self.notes = ()
        if lost and not self._may_have_note:
            self._leave_note()
        if not self._can_leave_notes or not (lost or self.looks_first):
            return fetch_newest()
        try:
            self.notes = self._repository.fetch_notes()
        except Rewritten as rewritten:
            return adopt(rewritten)
        known = self._repository.known()
        return fetch_newest() if known is None else known

    @property
    def place(self) -> int:
        """How many of those who wait should do the next write before us; 0: it is for us."""
        by_lot = sorted(self.notes, key=lambda note: note.mark)
        places = [place for place, note in enumerate(by_lot) if note.owner == self._owner]
        return places[0] if places else 0

    def give_up_notes(self) -> None:
        """The remote bears no notes: each has to write for itself."""
        self._can_leave_notes = False

    def done(self, *, by_own_write: bool) -> None:
        """The request is done; a note that nobody took is of no use any more."""
        self.looks_first = True
        seen = any(note.owner == self._owner for note in self.notes)
        if self._is_note_unanswered or (seen and not by_own_write):
            self.withdraw()
        self._may_have_note = self._is_note_unanswered = False

    def is_done_by_another(self) -> bool:
        """Whether the note is gone although we give up; if not, nobody can do it any more."""
        if not self._may_have_note:
            return False
        gone = not self.withdraw()
        self._may_have_note = self._is_note_unanswered = False
        return gone

    def withdraw(self) -> bool:
        """Remove our note, also that of a predecessor; False when there is none."""
        try:
            return self._repository.withdraw_note(self._owner)
        except WriteRefused:
            return True  # where no branch may be deleted, nobody can take a note either

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
