"""The media type of an artifact by its name: the same on every machine."""

from __future__ import annotations

UNKNOWN = "application/octet-stream"
DEBIAN_PACKAGE = "application/vnd.debian.binary-package"

_DOCUMENTS = {
    ".cdx.json": "application/vnd.cyclonedx+json",
    ".intoto.json": "application/vnd.in-toto+json",
}
_TYPES = {
    ".deb": DEBIAN_PACKAGE,
    ".udeb": DEBIAN_PACKAGE,
    ".ddeb": DEBIAN_PACKAGE,
    ".changes": "text/plain",
    ".buildinfo": "text/plain",
    ".dsc": "text/plain",
    ".txt": "text/plain",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".html": "text/html",
    ".xml": "application/xml",
    ".pom": "application/xml",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".pdf": "application/pdf",
    ".jar": "application/java-archive",
    ".war": "application/java-archive",
    ".ear": "application/java-archive",
    ".zip": "application/zip",
    ".tar": "application/x-tar",
    ".gz": "application/gzip",
    ".tgz": "application/gzip",
    ".bz2": "application/x-bzip2",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
    ".rpm": "application/x-rpm",
    ".iso": "application/x-iso9660-image",
    ".qcow2": "application/x-qcow2",
}


def media_type(name: str) -> str:
    """By the extension; a compressed file has the type of its compression."""
    for ending, known in _DOCUMENTS.items():
        if name.endswith(ending):
            return known
    dot = name.rfind(".")
    return _TYPES.get(name[dot:].lower(), UNKNOWN) if dot > 0 else UNKNOWN
