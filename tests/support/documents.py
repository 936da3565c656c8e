"""What the published schemas say about the documents beside a manifest."""

from __future__ import annotations

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage


def bill_problem(data: bytes) -> str | None:
    """What the schema of CycloneDX 1.6 says against it; None: nothing."""
    found = JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode())
    return None if found is None else str(found)


def statement_problem(data: bytes) -> str | None:
    """What in-toto's and SLSA's definitions say against it; None: nothing."""
    try:
        written = json.loads(data)
        message = json_format.ParseDict(written, StatementMessage())
        Statement.copy_from_pb(message).validate()
        predicate = json_format.ParseDict(written["predicate"], Provenance())
    except (json_format.ParseError, ValueError) as error:
        return str(error)
    required = (
        predicate.build_definition.build_type,
        predicate.build_definition.external_parameters,
        predicate.run_details.builder.id,
    )
    return None if all(required) else "a required field of the predicate is missing"
