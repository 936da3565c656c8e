"""The channel of an entry of `farm.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from common.settings.farm import ChannelEntry
from coordination_tasks.builder.secret_values import Secrets
from coordination_tasks.farm.alerts.channels.by_apprise import AppriseChannel
from coordination_tasks.farm.alerts.channels.by_command import CommandChannel
from coordination_tasks.farm.alerts.channels.by_github import GitHubChannel
from coordination_tasks.farm.alerts.channels.by_messages import MessagesChannel
from coordination_tasks.farm.alerts.message import Message
from coordination_tasks.farm.messages.mailbox import Mailbox


class Channel(Protocol):
    """A way to tell somebody."""

    def send(self, message: Message) -> Mapping[str, str]:
        """Send it; what the channel calls each notice, by key. Raises ChannelFailed.

        Raises CoordinationError when it needs the coordination repository.
        """


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of the farm on this builder. `secrets` raises BadConfiguration."""

    secrets: Callable[[], Secrets]
    mailbox: Mailbox

    def open(self, name: str, entry: ChannelEntry) -> Channel:
        """The channel of this name. Raises BadConfiguration when a secret is missing."""
        if entry.apprise:
            return AppriseChannel(name, self._secret(entry.apprise))
        if entry.github:
            return GitHubChannel(name, entry.github, self._secret(entry.github.token))
        if entry.messages:
            return MessagesChannel(name, entry.messages, self.mailbox)
        return CommandChannel(name, entry.command)

    def _secret(self, name: str) -> str:
        return self.secrets().values([name])[name]
