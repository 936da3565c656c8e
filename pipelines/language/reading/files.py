"""A file of pipelines with all that it includes."""

from __future__ import annotations

from pathlib import Path

from common.yaml.document import Document, read_document
from common.yaml.findings import Finding, InvalidFile
from common.yaml.validate import validate
from pipelines.language.entries import RawFile

MAX_FILES = 100


def read_files(path: Path) -> list[Document]:
    """The file and what it includes, each once, the file itself first.

    Raises InvalidFile with what is wrong with the files as such; what their pipelines say is not
    looked at. A file may include only what is in the folder of the first one, or below it.
    """
    return _Files(path).read()


def included(document: Document) -> tuple[str, ...]:
    """What the document includes. Raises InvalidFile when its outermost keys are wrong."""
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
            raise ValueError("a name has no null character")
        path = Path(document.name).parent / name
        real = path.resolve()
        if not real.is_relative_to(self._root):
            raise ValueError(f"'{name}' is not below {self._root}")
        if real in way:
            ring = [*way[way.index(real) :], real]
            shown = " -> ".join(str(file.relative_to(self._root)) for file in ring)
            raise ValueError(f"the files include each other: {shown}")
        if real in self._documents:
            return
        if len(self._documents) >= MAX_FILES:
            raise ValueError(f"there are more than {MAX_FILES} files")
        if not path.is_file():
            raise ValueError(f"there is no file '{name}' in {Path(document.name).parent}")
        self._take(read_document(path), (*way, real))
