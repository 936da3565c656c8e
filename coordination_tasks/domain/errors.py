"""What can go wrong in coordination: one class for each cause, with exit code and remedy."""

from __future__ import annotations

from typing import ClassVar

from common.errors import ApplicationError, os_error_text


class CoordinationError(ApplicationError):
    """Root of all errors that coordination raises on purpose; `str()` is one line for a person."""

    remedy: ClassVar[str] = ""
    retryable: ClassVar[bool] = False
    """Whether all that there is to do is to try the same again later."""

    @property
    def cause(self) -> str:
        """The text without the remedy."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}" if self.remedy else self.cause


class BadConfiguration(CoordinationError):
    """The builder's file, an environment variable or an option is wrong."""

    exit_code = 3


class BadRequest(CoordinationError):
    """Somebody asked for something that can't be: a bad id, an unknown job, a bad priority."""

    exit_code = 3


class NotFound(CoordinationError):
    """The job, message or lock that was named does not exist."""

    exit_code = 3


class NothingToClaim(CoordinationError):
    """No queued job is for this builder now; `refusals` has (job id, why not) of each."""

    exit_code = 4

    def __init__(self, message: str, refusals: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.refusals = refusals


class Conflict(CoordinationError):
    """The write does not fit what the store holds now (a job id that is taken, a job that runs)."""

    exit_code = 3


class EndRefused(CoordinationError):
    """An attempt came to its end, and the coordination repository does not take it."""

    remedy = "`doit outbox` shows it, and with --send or --retry sends it again"


class EndedWhileClaiming(CoordinationError):
    """A signal ended `doit build` before it had a job."""


class ClaimLost(CoordinationError):
    """The job was claimed by another, released or cancelled: nothing more may be written for it."""

    exit_code = 5


class IllegalTransition(CoordinationError):
    """The state machine has no such transition."""


class CannotBuild(CoordinationError):
    """The claimed job can't be built: a bad parameter, a missing secret, an unknown step kind."""


class Unavailable(CoordinationError):
    """The store could not be reached."""

    retryable = True


class CopyUnusable(Unavailable):
    """The files that this builder keeps of the store can't be read or written."""

    retryable = False
    remedy = "look at state_dir in builder.yaml: its disk, and who may write there"


class OutcomeUnknown(Unavailable):
    """A write got no answer, and may have landed: repeat it only if it knows its own effect."""

    retryable = False
    remedy = "whether it was written is not known: look before you do it again"


class NotSent(Unavailable):
    """Records of a build could not be sent."""

    retryable = False
    remedy = "what waits is in the outbox and is sent when the remote answers again"


class AccessDenied(Unavailable):
    """The remote refused the credentials."""

    retryable = False
    remedy = "check the credentials of this builder for the coordination repository"


class WriteRefused(CoordinationError):
    """The remote's policy (hook, protected branch) refused the write: repeating is useless."""


class AllRefused(WriteRefused):
    """The remote takes no record of a build at all."""

    remedy = "what waits is in the outbox: `doit outbox --send` when the remote takes it"


class NotDurable(CoordinationError):
    """A record could not be kept safe on this host, like one in a damaged journal."""

    remedy = (
        "look whether this disk is in order and who may write there; move a journal away only if it"
        " is damaged: what it holds is not sent then"
    )


class DiskFull(NotDurable):
    """A record could not be kept, because the disk has no space left."""

    remedy = (
        "free some (`doit clean-workspaces` shows what can go) and start again: `doit build` goes"
        " on after the last step that was recorded"
    )


class HistoryRewritten(CoordinationError):
    """Main was rewound below what this builder has seen; it must not bring back old facts."""

    remedy = "ask who force-pushed; then run `doit fsck`"


class BrokenDocument(CoordinationError):
    """A file in the coordination repository is no valid JSON document; it is never overwritten."""

    remedy = "it is left as it is, and `doit fsck` offers its last good version"


class SecretFound(CoordinationError):
    """What was about to be written holds a secret; names file, line and rule, never the secret."""

    exit_code = 3
    remedy = "nothing was written; take it out, and change that secret if it is a real one"


def in_words(error: BaseException) -> str:
    """One line for a person about whatever was raised; what we did not foresee names its kind."""
    if isinstance(error, CoordinationError):
        return str(error)
    if isinstance(error, OSError):
        return os_error_text(error)
    return f"defect: {error!r}"
