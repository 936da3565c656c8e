"""A file of pipelines with all its includes."""

from __future__ import annotations

from pathlib import Path

from common.yaml.document import Document, read_document
from common.yaml.findings import Finding, InvalidFile
from common.yaml.validate import validate
from pipelines.language.entries import RawFile

MAX_FILES = 100


def read_files(path: Path) -> list[Document]:
    """The file and its includes, each once, the file itself first.

    Raises InvalidFile with errors of the files themselves; their pipelines are not checked here.
    An included file must be in the folder of the first file, or below it.
    """
    return _Files(path).read()


def included(document: Document) -> tuple[str, ...]:
    """The document's includes. Raises InvalidFile when its top-level keys are wrong."""
    return validate(RawFile, document).include


class _Files:
    def __init__(self, path: Path) -> None:
        self._first = path
        self._root = path.resolve().parent
        self._documents: dict[Path, Document] = {}
        self._findings: list[Finding] = []

    def read(self) -> list[Document]:
        self._take(read_document(self._first), (self._first.resolve(),))
        if self._findings:
            raise InvalidFile(self._findings)
        return list(self._documents.values())

    def _take(self, document: Document, way: tuple[Path, ...]) -> None:
        self._documents[way[-1]] = document
        try:
            names = included(document)
        except InvalidFile as error:
            self._findings += error.findings
            return
        for index, name in enumerate(names):
            try:
                self._include(document, name, way)
            except ValueError as error:
                self._findings.append(document.finding(("include", index), f"include: {error}"))
            except InvalidFile as error:
                self._findings += error.findings

    def _include(self, document: Document, name: str, way: tuple[Path, ...]) -> None:
        if "\0" in name:
            raise ValueError("a file name must not contain a null character")
        path = Path(document.name).parent / name
        real = path.resolve()
        if not real.is_relative_to(self._root):
            raise ValueError(f"'{name}' is outside {self._root}")
        if real in way:
            ring = [*way[way.index(real) :], real]
            shown = " -> ".join(str(file.relative_to(self._root)) for file in ring)
            raise ValueError(f"files include each other: {shown}")
        if real in self._documents:
            return
        if len(self._documents) >= MAX_FILES:
            raise ValueError(f"more than {MAX_FILES} files")
        if not path.is_file():
            raise ValueError(f"no file '{name}' in {Path(document.name).parent}")
        self._take(read_document(path), (*way, real))
