"""YAML text to typed models, with the place of every mistake."""

from typed_yaml.document import Document, parse_document, read_document
from typed_yaml.duration import Duration
from typed_yaml.findings import Finding, InvalidFile, did_you_mean
from typed_yaml.validate import Several, Text, validate

__all__ = [
    "Document",
    "Duration",
    "Finding",
    "InvalidFile",
    "Several",
    "Text",
    "did_you_mean",
    "parse_document",
    "read_document",
    "validate",
]
