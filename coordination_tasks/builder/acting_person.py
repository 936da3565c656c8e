"""Who acts on this machine, a person or a program for a person; recorded with each action."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

PERSON_VARIABLE = "ACTING_PERSON"
AGENT_VARIABLE = "ACTING_AGENT"
MODEL_VARIABLE = "ACTING_MODEL"
CONVERSATION_VARIABLE = "ACTING_CONVERSATION"
_LONGEST = 80
_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who acts, as far as they say so themselves."""

    human: str
    agent: str = ""
    """The program that acts for the human; "" when they act themselves."""
    model: str = ""
    conversation: str = ""

    @property
    def person(self) -> str:
        """For people, and for the records: `Ann`, `Ann via claude-code 2.1 (opus)`."""
        if not self.agent:
            return self.human
        model = f" ({self.model})" if self.model else ""
        return f"{self.human} via {self.agent}{model}"

    @property
    def trailers(self) -> Mapping[str, str]:
        """Trailers of a commit in the coordination repository."""
        found = {
            "Acting-Human": self.human,
            "Acting-Agent": self.agent,
            "Acting-Model": self.model,
            "Acting-Conversation": self.conversation,
        }
        return {name: value for name, value in found.items() if value}


def acting(named: str, client: str = "") -> Acting:
    """Who acts, with `named` as the human if that is not empty, and `client` as the agent.

    The environment names what is missing; the human is then git's user.name, or else user@host.
    """
    told = {name: _short(os.environ.get(name, "")) for name in _VARIABLES}
    human = _short(named) or told[PERSON_VARIABLE] or _name_in_git() or _user_at_host()
    return Acting(
        human=human,
        agent=told[AGENT_VARIABLE] or _short(client),
        model=told[MODEL_VARIABLE],
        conversation=told[CONVERSATION_VARIABLE],
    )


_VARIABLES = (PERSON_VARIABLE, AGENT_VARIABLE, MODEL_VARIABLE, CONVERSATION_VARIABLE)


def _short(text: str) -> str:
    """One line of printable text, bounded: programs say what they like of themselves."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:_LONGEST]


def _name_in_git() -> str:
    try:
        done = subprocess.run(
            ["git", "config", "--get", "user.name"],
            check=False, capture_output=True, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.decode("utf-8", "replace").split())


def _user_at_host() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry in the system's user list
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
