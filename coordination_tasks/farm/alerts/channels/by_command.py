"""A program of the farm's owner, which gets the message as JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from coordination_tasks.farm.alerts.channels.failure import ChannelFailed
from coordination_tasks.farm.alerts.message import Message

_SECONDS = 60.0
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CommandChannel:
    """A program with its arguments; exit code 0 means that it took the message."""

    name: str
    argv: tuple[str, ...]

    def send(self, message: Message) -> Mapping[str, str]:
        """See Channel."""
        try:
            done = subprocess.run(
                self.argv,
                input=json.dumps(message.document) + "\n",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            why = f"{self.argv[0]} was ended after {_SECONDS:g} s"
            raise ChannelFailed(self.name, why) from error
        except OSError as error:
            raise ChannelFailed(self.name, f"{self.argv[0]}: {error.strerror}") from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [""])[-1][:_SHOWN]
            why = f"{self.argv[0]} ended with exit code {done.returncode}"
            raise ChannelFailed(self.name, f"{why}: {said}" if said else why)
        return {}
