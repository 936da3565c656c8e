"""Issues of a repository on GitHub: one for each cause, closed when it is over."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.settings.farm import GitHubEntry
from coordination_tasks.farm.alerts.channels.failure import ChannelFailed
from coordination_tasks.farm.alerts.message import Message, message_of

_SECONDS = 30.0
_VERSION = "2022-11-28"


@dataclass(frozen=True, slots=True)
class GitHubChannel:
    """The issues of one repository."""

    name: str
    entry: GitHubEntry
    token: str = field(repr=False)

    def send(self, message: Message) -> Mapping[str, str]:
        """See Channel: the numbers of the issues."""
        numbers = {}
        for notice in message.notices or ():
            one = message_of([notice])
            number = notice.alert.links.get(self.name)
            if not notice.is_over:
                made = self._ask("POST", "issues", {"title": one.title, "body": one.body})
                numbers[notice.key] = str(made.get("number", ""))
            elif number:
                self._ask("POST", f"issues/{number}/comments", {"body": one.body})
                self._ask("PATCH", f"issues/{number}", {"state": "closed"})
        if not message.notices:
            self._ask("POST", "issues", {"title": message.title, "body": message.body})
        return numbers

    def _ask(self, method: str, path: str, value: Mapping[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the farm's owner wrote the address
            f"{self.entry.api.rstrip('/')}/repos/{self.entry.repository}/{path}",
            data=json.dumps(value).encode(),
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": _VERSION,
                "User-Agent": "build-coordination",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                found = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise ChannelFailed(self.name, f"the API answered {error.code}") from error
        except (OSError, ValueError) as error:
            raise ChannelFailed(self.name, "the API cannot be reached") from error
        return found if isinstance(found, dict) else {}
