"""A folder on another host: the same as one here, by ssh, tar and sha256sum."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.digests import file_sha256
from common.settings.ssh_hosts import SshHost
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.processes.capture import Captured, capture
from pipelines.steps.publish.folder import refuse_doubles
from pipelines.steps.ssh import ssh_command

_ABSENT, _OTHER, _SSH_FAILED = 44, 45, 255
_BEGIN = """
set -eu
umask 022
name=$1
mkdir -p "$2"
cd "$2"
exec 9>.lock
flock 9
if [ -e .current.new ]; then mv -T .current.new current; fi
[ ! -e current ] || [ -L current ] || { echo "$2/current is no link" >&2; exit 1; }
"""
_COMPARE = """
[ -d "$name" ] || exit 44
cd "$name"
sha256sum --strict --quiet -c - >&2 || exit 45
"""
_SEND = """
rm -rf ".$name.new"
mkdir ".$name.new"
tar -x --no-same-owner -C ".$name.new" -f -
(cd ".$name.new" && sha256sum --strict --quiet -c .sums >&2 && rm .sums)
sync -f ".$name.new"
ln -sfn "$name" .current.new
mv -T ".$name.new" "$name"
mv -T .current.new current
sync -f .
"""
_POINT = """
[ -d "$name" ] || exit 44
readlink current || :
ln -sfn "$name" .current.new
mv -T .current.new current
"""
_PIPE = 'folder=$1; shift; tar -C "$folder" --mode=u=rwX,go=rX -chf - . | "$@"'
"""The far side compares the digests, so it notices if tar failed."""


@dataclass(frozen=True, slots=True)
class FarFolder:
    """The folder `top` on the host `name`. Two builders at once wait for each other there."""

    name: str
    host: SshHost
    top: str
    env: Mapping[str, str]
    timeout: float | None = None
    """Seconds for each connection; None: those of the step."""

    def publish(self, files: Sequence[Path], attempt: str) -> Sequence[str]:
        """Send files as a new folder; returns their names, none if it is there already.

        Raises StepFailed (BAD_REQUEST) if it is there with other bytes, or two files have one name;
        NETWORK, COMMAND_FAILED.
        """
        refuse_doubles(files)
        sums = "".join(f"{file_sha256(path)}  {path.name}\n" for path in files)
        done = self._run((), attempt, _COMPARE, sums)
        if done.code == _OTHER:
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"{self.top}/{attempt} on {self.name} has other files. Remove that folder, or build"
                " the job again.",
                excerpt=done.text[-2000:],
            )
        if done.code == 0:
            return ()
        with tempfile.TemporaryDirectory(prefix="publish-") as folder:
            for path in files:
                Path(folder, path.name).symlink_to(path.absolute())
            Path(folder, ".sums").write_text(sums)
            self._run(("sh", "-c", _PIPE, "sh", folder), attempt, _SEND, "")
        return [path.name for path in files]

    def point_to(self, attempt: str) -> str:
        """Let the pointer name this folder; returns what it named before, "" for nothing."""
        done = self._run((), attempt, _POINT, "")
        if done.code == _ABSENT:
            message = f"{self.top}/{attempt} on {self.name} is not there"
            raise StepFailed(FailureCode.BAD_REQUEST, message)
        return done.output.strip()

    def _run(self, before: tuple[str, ...], attempt: str, script: str, given: str) -> Captured:
        """What a script on the host printed. Raises StepFailed unless its exit code is ours."""
        words = ("sh", "-c", _BEGIN + script, "sh", attempt, self.top)
        argv = (*before, *ssh_command(self.host, words))
        done = capture(argv, cwd=Path("/"), env=self.env, timeout=self.timeout, given=given)
        if done.code in {0, _ABSENT, _OTHER}:
            return done
        said = done.errors.strip().splitlines() or [f"exit code {done.code}"]
        away = done.code == _SSH_FAILED
        raise StepFailed(
            FailureCode.NETWORK if away else FailureCode.COMMAND_FAILED,
            f"cannot publish on {self.name}: {said[-1][:300]}",
            excerpt=done.errors[-2000:],
            retryable=away,
        )
