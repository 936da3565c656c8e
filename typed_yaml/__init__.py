"""YAML text to typed models, with the place of every mistake."""

from typed_yaml.document import (
    Document,
    collection_paused,
    parse_document,
    plain_value,
    read_document,
)
from typed_yaml.duration import Duration
from typed_yaml.findings import Finding, InvalidFile, did_you_mean
from typed_yaml.size import Size, format_size
from typed_yaml.validate import Several, Text, check, validate, validate_partly

__all__ = [
    "Document",
    "Duration",
    "Finding",
    "InvalidFile",
    "Several",
    "Size",
    "Text",
    "check",
    "collection_paused",
    "did_you_mean",
    "format_size",
    "parse_document",
    "plain_value",
    "read_document",
    "validate",
    "validate_partly",
]
