"""`doit send`: a message to one builder, or to all."""

from __future__ import annotations

import sys

from common.cli.command import OPTION_BUILDER, tell
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.documents.messages import MESSAGE_TYPES, TO_ALL, Message
from coordination_tasks.domain.errors import BadRequest
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.farm.mailbox import Mailbox
from coordination_tasks.wiring.reading import find_presences
from coordination_tasks.wiring.store import open_store

FROM_STDIN = "-"


class SendCommand(FarmCommand):
    """doit command."""

    name = "send"
    doc_purpose = "send a message to a builder, or to all"
    doc_usage = "--to BUILDER|all --subject TEXT [--type TYPE] [--body TEXT|-] [--as NAME]"
    doc_description = """
Prints the message's id. The recipient sees it with `doit messages`.

Exit codes: 0 sent, 1 cannot reach the coordination repository or messages.json is broken,
3 bad configuration or usage.
"""
    group = "farm"
    cmd_options = (
        {"name": "to", "long": "to", "type": str, "default": "",
         "help": "a builder's id, or all"},
        {"name": "subject", "long": "subject", "type": str, "default": "",
         "help": "subject, one line"},
        {"name": "type", "long": "type", "type": str, "default": MESSAGE_TYPES[0],
         "help": f"{', '.join(MESSAGE_TYPES)} [default: %(default)s]"},
        {"name": "body", "long": "body", "type": str, "default": "",
         "help": "text of the message; `-` reads it from standard input"},
        OPTION_AS,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(
        self,
        to: str,
        subject: str,
        type: str,  # noqa: A002 - doit passes options by their names
        body: str,
        person: str,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if not to:
            raise BadRequest("missing --to: expected a builder's id, or all")
        if not subject:
            raise BadRequest("missing --subject")
        text = _standard_input() if body == FROM_STDIN else body
        message = send(self.farm.config(builder), acting(person), to, subject, text, type)
        sys.stdout.write(f"{message.id}\n")
        return 0


def send(
    config: BuilderConfig, who: Acting, to: str, subject: str, body: str, kind: str
) -> Message:
    """Send a message of `who`. Raises BadRequest, SecretFound, and what a transaction raises."""
    refuse_secrets("the subject", subject)
    refuse_secrets("the body", body)
    with open_store(config, tell, trailers=who.trailers) as store:
        message = Mailbox(store).send(to, subject, kind=kind, body=body, person=who.person)
        snapshot = store.snapshot()
        known = {*snapshot.builders(), *find_presences(config, snapshot)}
    if to not in (TO_ALL, *known):
        near = did_you_mean(to, known)
        tell(f"doit send: builder {to} has never reported{near}; the message waits for it")
    return message


def _standard_input() -> str:
    try:
        return sys.stdin.read().rstrip("\n")
    except UnicodeDecodeError as error:
        problem = f"{error.reason} at byte {error.start}"
        raise BadRequest(f"the body is not UTF-8 text: {problem}") from error
