"""What can go wrong in coordination: one class per cause, with exit code and remedy."""

from __future__ import annotations

from typing import ClassVar

from common.errors import ApplicationError, one_line, os_error_text


class CoordinationError(ApplicationError):
    """Base of all errors that coordination raises on purpose; `str()` is one readable line."""

    remedy: ClassVar[str] = ""
    retryable: ClassVar[bool] = False
    """Whether the only remedy is to try again later."""

    @property
    def cause(self) -> str:
        """The text without the remedy."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}" if self.remedy else self.cause


class BadConfiguration(CoordinationError):
    """The builder's file, an environment variable or an option is wrong."""

    exit_code = 3


class WrongObjectFormat(BadConfiguration):
    """The coordination repository stores its objects in SHA-256 format."""

    remedy = (
        "make it anew with `git init --bare --object-format=sha1`, and push the files of its main"
        " branch there as a new commit."
    )


class AnotherFarm(BadConfiguration):
    """The coordination repository is not the one of the farm that this builder belongs to."""

    remedy = (
        "nothing was written. Correct coordination_repository in builder.yaml; for a new farm, set"
        " another state_dir."
    )


class NewerFormat(BadConfiguration):
    """The coordination repository has formats that this version of the program does not know."""

    remedy = "nothing was written. Update this program."


class BadRequest(CoordinationError):
    """An invalid request: a bad id, an unknown job, a bad priority."""

    exit_code = 3


class NotFound(CoordinationError):
    """The named job, message or lock does not exist."""

    exit_code = 3


class NothingToClaim(CoordinationError):
    """No queued job matches this builder now; `refusals` has (job id, why not) of each."""

    exit_code = 4

    def __init__(self, message: str, refusals: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.refusals = refusals


class Conflict(CoordinationError):
    """The write conflicts with the store's content (a job id is taken, a job is running)."""

    exit_code = 3


class IdTaken(Conflict):
    """Another request has the id of a new job."""


class EndRefused(CoordinationError):
    """An attempt ended, and the coordination repository rejects its result."""

    remedy = "`doit outbox` shows it. Send it again with --send or --retry."


class EndedWhileClaiming(CoordinationError):
    """A signal ended `doit build` before it had a job."""


class ClaimLost(CoordinationError):
    """The job was claimed by another builder, released or cancelled: write nothing more for it."""

    exit_code = 5


class IllegalTransition(CoordinationError):
    """The state machine has no such transition."""


class CannotBuild(CoordinationError):
    """The claimed job cannot be built: a bad parameter, a missing secret, an unknown step kind."""


class ForeignPlan(CoordinationError, ValueError):
    """An earlier attempt used a plan that this builder's own pipelines file never made."""


class Unavailable(CoordinationError):
    """The store could not be reached."""

    retryable = True


class CopyUnusable(Unavailable):
    """The local copy of the store cannot be read or written."""

    retryable = False
    remedy = "check the disk and the permissions of state_dir in builder.yaml."


class OutcomeUnknown(Unavailable):
    """A write got no answer and may have succeeded: repeat it only if that is safe."""

    retryable = False
    remedy = "the write may have succeeded. Check before you repeat it."


class NotSent(Unavailable):
    """Records of a build could not be sent."""

    retryable = False
    remedy = "they are in the outbox and will be sent when the remote answers again."


class AccessDenied(Unavailable):
    """The remote rejected the credentials."""

    retryable = False
    remedy = "check this builder's credentials for the coordination repository."


class WriteRefused(CoordinationError):
    """The remote's policy (hook, protected branch) rejected the write: repeating is useless."""


class AllRefused(WriteRefused):
    """The remote rejects every record of a build."""

    remedy = "the records are in the outbox. Run `doit outbox --send` when the remote accepts them."


class NotDurable(CoordinationError):
    """A record could not be stored safely on this host, for example in a damaged journal."""

    remedy = (
        "check the disk and its permissions. Move the journal aside only if it is corrupt:"
        " its unsent records are lost."
    )


class DiskFull(NotDurable):
    """A record could not be stored because the disk is full."""

    remedy = (
        "free some space (`doit clean-workspaces` shows candidates) and run `doit build` again:"
        " it continues after the last recorded step."
    )


class HistoryRewritten(CoordinationError):
    """Main was reset to a state older than this builder has seen; old facts must not return."""

    remedy = "find out who force-pushed, then run `doit recover --from-clone`."


class BrokenDocument(CoordinationError):
    """A file in the coordination repository is not a valid document; it is never overwritten."""

    remedy = "left unchanged; `doit fsck` shows the last valid version"


class ArtifactChanged(CoordinationError):
    """An artifact on its builder is not the one that was published."""

    remedy = "nothing was copied. Build the job again."


class UntrustedManifest(CoordinationError):
    """A manifest is not signed by a key that counts; `allowed_signers` requires it."""

    remedy = "nothing was copied. See `doit keys`."


class NotRenewed(CoordinationError):
    """The index of a published repository expires soon and could not be signed again."""

    remedy = "its clients refuse it when it has expired. `doit housekeeping` tries again."


class NotVerified(CoordinationError):
    """A build that is to be offered is not what its job made and recorded."""

    exit_code = 6
    remedy = "nothing was changed. `doit verify` shows every deviation."


class SecretFound(CoordinationError):
    """A write contains a secret; the text names file, line and rule, never the secret."""

    exit_code = 3
    remedy = "nothing was written. Remove it, and change the secret if it is real."


def in_words(error: BaseException) -> str:
    """One readable line about any exception; an unforeseen one is shown as a bug."""
    if isinstance(error, ApplicationError):
        return one_line(error)
    if isinstance(error, OSError):
        return os_error_text(error)
    return f"bug: {error!r}"
