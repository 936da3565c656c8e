"""The bill of materials of a job (CycloneDX): what Maven resolved, and the build root's packages.

Equal builds have equal bytes: it has no time but the commit's, and its serial number is made from
its content.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

_WITHOUT_CLASSIFIER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the bill is about."""

    name: str
    commit: str
    time: datetime
    """Of the commit, in UTC."""


@dataclass(slots=True)
class Resolved:
    """What Maven resolved for all modules of the job, test scope apart."""

    modules: set[str] = field(default_factory=set)
    """Ids `group:artifact:type[:classifier]:version` of what the source makes."""
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By id of a module or artifact, the ids of the artifacts that it needs."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 by id, of what does not come from the source."""


def read_resolved(files: Iterable[Path]) -> Resolved:
    """What steps wrote (`steps/maven/output/resolved.py`). Raises OSError."""
    found = Resolved()
    for file in files:
        written = json.loads(file.read_bytes())
        found.modules.update(written["modules"])
        for needed_by, artifact, sha256 in written["uses"]:
            found.needs[needed_by].add(artifact)
            if sha256:
                found.digests[artifact] = sha256
    return found


def bill_of_materials(product: Product, maven: Resolved, packages: Mapping[str, str]) -> bytes:
    """CycloneDX 1.6 as JSON; `packages` are Debian's in the build root, with their versions."""
    from cyclonedx.model.bom import Bom, BomMetaData  # noqa: PLC0415 - a tenth of a second
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415

    names = {*maven.modules, *(one for needed in maven.needs.values() for one in needed)}
    artifacts = {name: _artifact(name, maven.digests.get(name, "")) for name in sorted(names)}
    debian = [_package(name, version) for name, version in sorted(packages.items())]
    about = Component(
        type=ComponentType.APPLICATION,
        name=product.name,
        version=product.commit,
        bom_ref=product.commit,
    )
    bom = Bom(
        components=[*artifacts.values(), *debian],
        metadata=BomMetaData(component=about, timestamp=product.time),
        serial_number=uuid.UUID(int=0),
    )
    bom.register_dependency(about, [*(artifacts[name] for name in sorted(maven.modules)), *debian])
    for name, needed in sorted(maven.needs.items()):
        if name in artifacts:
            bom.register_dependency(artifacts[name], [artifacts[one] for one in sorted(needed)])
    content = JsonV1Dot6(bom).output_as_string(indent=2)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, content)
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n".encode()


def _artifact(name: str, sha256: str) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415 - see bill_of_materials
    from cyclonedx.model.component import Component  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    words = name.split(":")
    group, artifact, kind, version = *words[:3], words[-1]
    qualifiers = {"type": kind}
    if len(words) > _WITHOUT_CLASSIFIER:
        qualifiers["classifier"] = words[3]
    url = PackageURL("maven", group, artifact, version, qualifiers)
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else []
    return Component(
        name=artifact,
        group=group,
        version=version,
        purl=url,
        bom_ref=url.to_string(),
        hashes=hashes,
    )


def _package(name: str, version: str) -> Component:
    from cyclonedx.model.component import Component  # noqa: PLC0415 - see bill_of_materials
    from packageurl import PackageURL  # noqa: PLC0415

    package, _, architecture = name.partition(":")
    qualifiers = {"arch": architecture} if architecture else {}
    url = PackageURL("deb", "debian", package, version, qualifiers)
    return Component(name=package, version=version, purl=url, bom_ref=url.to_string())
