"""`farm.yaml`, beside the pipelines file: what holds for the whole farm."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from common.yaml.document import Document, read_document
from common.yaml.size import parse_size
from common.yaml.validate import Duration, Several, Text, validate

FARM_FILE = "farm.yaml"
AlertKind = Literal[
    "builder_silent",
    "job_failed",
    "job_slow",
    "queue_waits",
    "disk",
    "push_failures",
    "outbox_waits",
    "documents",
    "configuration",
]
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OFF = "off"
PLACEHOLDERS = ("builder", "status", "subject", "sender")
"""Of an answer."""


def _unless_off(value: Any) -> Any:
    return None if value == _OFF else value


def _size(value: Any) -> Any:
    return value if value is None else parse_size(value)


def _reply(value: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    except ValueError as error:
        raise ValueError(f"{error}. Write a brace of the text twice.") from error
    if unknown := sorted(names - set(PLACEHOLDERS)):
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(f"unknown placeholder {{{unknown[0]}}} (known: {known})")
    return value


def _secret(value: Any) -> Any:
    if not isinstance(value, str) or _SECRET.fullmatch(value) is None:
        raise ValueError("expected the name of a secret: letters, digits and _")
    return value


_DURATION = r"^\s*(\d+\s*[smhd]\s*)+$"


def _schema(pattern: str) -> WithJsonSchema:
    """For editors: text like that, a number, or `off`."""
    return WithJsonSchema(
        {"anyOf": [{"type": ["string", "number"], "pattern": f"{pattern}|^off$"}]}
    )


Limit = Annotated[Duration | None, BeforeValidator(_unless_off), _schema(_DURATION)]
"""A duration; None: `off`."""
SecretName = Annotated[str, BeforeValidator(_secret)]


class FarmEntry(BaseModel):
    """Base of the models of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class AlertsEntry(FarmEntry):
    """When there is an alert; `off` turns a rule off."""

    builder_silent: Limit = 900.0
    """A builder that is not drained gives no sign of life for so long."""
    job_failed: bool = True
    """The last job of a pipeline and branch failed; it ends with the next success."""
    job_slow: Annotated[
        float | None, Field(gt=1), BeforeValidator(_unless_off), _schema(r"^\d")
    ] = 3.0
    """A job takes so many times the median of the last 10 successes of its pipeline and branch; it
    needs 5 of them."""
    queue_waits: Limit = 7200.0
    """A job that nobody holds waits for so long."""
    disk: Annotated[
        int | None, BeforeValidator(lambda v: _size(_unless_off(v))), _schema(r"^\s*\d")
    ] = 5 * 1024**3
    """A builder has less free space in `state_dir`."""
    push_failures: Limit = 600.0
    """A builder has not reached the coordination repository for so long."""
    outbox_waits: Limit = 1800.0
    """A record of a builder waits for so long to be sent."""
    documents: bool = True
    """A document of the coordination repository cannot be read."""
    configuration: bool = True
    """The pipelines, or their newest commit, cannot be used."""
    digest: Annotated[Duration, _schema(_DURATION)] = 300.0
    """Minimum time between two messages: what happens meanwhile comes in one."""


class GitHubEntry(FarmEntry):
    """Issues of a repository."""

    repository: Annotated[Text, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """`OWNER/NAME`."""
    token: SecretName
    """Name of the secret with a token that may write issues."""
    api: Text = "https://api.github.com"
    """Address of the API."""


class ChannelEntry(FarmEntry):
    """A way to tell somebody: exactly one of the first four keys."""

    apprise: SecretName | None = None
    """Name of the secret with an address of Apprise: mail, chat, webhook."""
    command: Several[Text] = ()
    """Program with its arguments; it gets JSON on standard input."""
    messages: Text | None = None
    """A builder, or `all`: a message in the coordination repository."""
    github: GitHubEntry | None = None
    """An issue for each cause."""
    alerts: Several[AlertKind] | None = None
    """The kinds that it gets; all when omitted. A pipeline can name it in `notify`, too."""

    @model_validator(mode="after")
    def _one_way(self) -> ChannelEntry:
        ways = (self.apprise, self.command, self.messages, self.github)
        if sum(bool(way) for way in ways) != 1:
            raise ValueError("expected exactly one of apprise, command, messages, github")
        return self


class AnswerEntry(FarmEntry):
    """A rule by which builders answer messages themselves."""

    subject: Text
    """Of the messages that it answers; `*` stands for any text, case does not matter."""
    type: Several[Literal["info", "warning", "error", "request"]] = ()
    """Their types; all when omitted."""
    sender: Annotated[Several[Text], Field(alias="from")] = ()
    """The builders that sent them; all when omitted."""
    reply: Annotated[Text, AfterValidator(_reply), Field(max_length=2000)]
    """The answer; `{builder}`, `{status}` (what the builder does), `{subject}` and `{sender}` are
    replaced."""
    ack: bool = False
    """Also acknowledge the message if it asks for that."""


class FarmFile(FarmEntry):
    """The whole file."""

    alerts: AlertsEntry = Field(default_factory=AlertsEntry)
    """When there is an alert."""
    channels: dict[str, ChannelEntry] = Field(default_factory=dict)
    """Whom to tell, by name."""
    answers: dict[str, AnswerEntry] = Field(default_factory=dict)
    """Which messages builders answer themselves, by name; the first rule that matches counts."""


def read_farm_file(pipelines_file: Path) -> FarmFile:
    """The file beside the pipelines file, or the defaults if there is none. Raises InvalidFile."""
    path = pipelines_file.with_name(FARM_FILE)
    if not path.exists():
        return FarmFile()
    return parse_farm_file(read_document(path))


def parse_farm_file(document: Document) -> FarmFile:
    """The content of the file. Raises InvalidFile with all findings."""
    if document.data is None:
        return FarmFile()
    return validate(FarmFile, document)
