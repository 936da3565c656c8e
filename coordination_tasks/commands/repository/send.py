"""`doit send`: a message to one builder, or to all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from common.cli.command import OPTION_BUILDER, tell
from common.yaml.findings import did_you_mean
from coordination_tasks.builder.acting_person import Acting, acting
from coordination_tasks.builder.config.builder import BuilderConfig
from coordination_tasks.commands.base import FarmCommand, no_arguments
from coordination_tasks.commands.control.acting import OPTION_AS
from coordination_tasks.documents.messages import MESSAGE_TYPES, TO_ALL, Message
from coordination_tasks.domain.errors import BadRequest, NotFound
from coordination_tasks.domain.secret_scan import refuse_secrets
from coordination_tasks.farm.messages.mailbox import Mailbox
from coordination_tasks.store.store import Store
from coordination_tasks.wiring.reading import find_presences
from coordination_tasks.wiring.store import open_store

FROM_STDIN = "-"


class SendCommand(FarmCommand):
    """doit command."""

    name = "send"
    doc_purpose = "send a message to a builder, or to all"
    doc_usage = (
        "(--to BUILDER|all ... --subject TEXT | --reply-to ID) [--type TYPE] [--body TEXT|-]"
        " [--ack] [--as NAME]"
    )
    doc_description = """
Prints the message's id. The recipient sees it with `doit messages`. Several recipients get one
message each, in one write. An answer goes to the sender of the message, with its subject after
`Re:`, unless --to or --subject say otherwise.

Exit codes: 0 sent, 1 cannot reach the coordination repository or messages.json is broken,
3 bad configuration or usage.
"""
    group = "farm"
    cmd_options = (
        {"name": "to", "long": "to", "type": list, "default": [],
         "help": "a builder's id, or all (may be repeated)"},
        {"name": "reply_to", "long": "reply-to", "type": str, "default": "",
         "help": "id of the message that this one answers"},
        {"name": "ack", "long": "ack", "type": bool, "default": False,
         "help": "ask the recipients to acknowledge it, with doit messages --ack"},
        {"name": "subject", "long": "subject", "type": str, "default": "",
         "help": "subject, one line"},
        {"name": "type", "long": "type", "type": str, "default": MESSAGE_TYPES[0],
         "help": f"{', '.join(MESSAGE_TYPES)} [default: %(default)s]"},
        {"name": "body", "long": "body", "type": str, "default": "",
         "help": "text of the message; `-` reads it from standard input"},
        OPTION_AS,
        OPTION_BUILDER,
    )  # fmt: skip

    def _execute(  # noqa: PLR0917 - doit passes options by their names
        self,
        to: list[str],
        reply_to: str,
        ack: bool,
        subject: str,
        type: str,  # noqa: A002 - doit passes options by their names
        body: str,
        person: str,
        builder: str,
        pos_args: list[str],
    ) -> int:
        no_arguments(pos_args)
        if not (to or reply_to):
            raise BadRequest("missing --to: expected a builder's id, or all")
        if not (subject or reply_to):
            raise BadRequest("missing --subject")
        text = _standard_input() if body == FROM_STDIN else body
        message = Message(
            id="",
            sender="",
            to="",
            type=type,
            subject=subject,
            body=text,
            ack_required=ack,
            in_reply_to=reply_to,
        )
        sent = send_to(self.farm.config(builder), acting(person), tuple(dict.fromkeys(to)), message)
        sys.stdout.writelines(f"{each.id}\n" for each in sent)
        return 0


def send(
    config: BuilderConfig, who: Acting, to: str, subject: str, body: str, kind: str
) -> Message:
    """Send a message of `who`. Raises BadRequest, SecretFound, and what a transaction raises."""
    message = Message(id="", sender="", to=to, type=kind, subject=subject, body=body)
    return send_to(config, who, (to,), message)[0]


def send_to(
    config: BuilderConfig, who: Acting, recipients: Sequence[str], message: Message
) -> tuple[Message, ...]:
    """Send a message of `who` to each recipient, an answer by default to the sender.

    Raises BadRequest, NotFound, SecretFound, and what a transaction raises.
    """
    refuse_secrets("the subject", message.subject)
    refuse_secrets("the body", message.body)
    with open_store(config, tell, trailers=who.trailers) as store:
        if message.in_reply_to:
            answered = _message(store, message.in_reply_to)
            recipients = recipients or (answered.sender,)
            message = replace(message, subject=message.subject or f"Re: {answered.topic}")
        sent = Mailbox(store).send_to(recipients, replace(message, by=who.person))
        snapshot = store.snapshot()
        known = {*snapshot.builders(), *find_presences(config, snapshot)}
    for to in recipients:
        if to not in (TO_ALL, *known):
            near = did_you_mean(to, known)
            tell(f"doit send: builder {to} has never reported{near}; the message waits for it")
    return sent


def _message(store: Store, message_id: str) -> Message:
    for message in store.snapshot().messages():
        if message.id == message_id:
            return message
    raise NotFound(f"unknown message {message_id[:80]!r}")


def _standard_input() -> str:
    try:
        return sys.stdin.read().rstrip("\n")
    except UnicodeDecodeError as error:
        problem = f"{error.reason} at byte {error.start}"
        raise BadRequest(f"the body is not UTF-8 text: {problem}") from error
