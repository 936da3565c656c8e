"""`${{ name }}` in a script: replaced by a reference to an environment variable.

The value never becomes part of the script's text. The form of the reference depends on the quotes
around it, so that a value is always one word of the shell, whatever its content.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pipelines.domain.expressions import Reference
from pipelines.language.expressions.references import MARK, environment_name, parse_reference

_PYTHON = "a Python script cannot contain ${{ }}: set the value in env and read os.environ"
_IN_CODE = "{} a value would run as code: set it in env and use the variable"
_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([A-Za-z_]\w*))")
_PLAIN_TEXT = re.compile(r"[^\\$\"'`(){}#<\n]+")
_END = "}}"

PLAIN, DOUBLE, ARITHMETIC = "plain", "double", "arithmetic"


def with_variables(
    script: str, shell: str, check: Callable[[Reference], None]
) -> tuple[str, dict[str, Reference]]:
    """The script with variables in place of references, and the reference behind each variable.

    `check` raises ValueError for an unknown name. Raises that, and ValueError for a reference at a
    place where its value would become code.
    """
    if MARK not in script:
        return script, {}
    if shell == "python":
        raise ValueError(_PYTHON)
    writer = _Writer(script, check)
    writer.write()
    return "".join(writer.out), writer.variables


@dataclass
class _Writer:
    """Walks a shell script and tracks its quotes as far as references need it."""

    script: str
    check: Callable[[Reference], None]
    position: int = 0
    out: list[str] = field(default_factory=list)
    variables: dict[str, Reference] = field(default_factory=dict)
    contexts: list[tuple[str, str]] = field(default_factory=lambda: [(PLAIN, "")])
    """The open contexts: kind and closing sign, innermost last."""
    heredocs: list[tuple[str, bool, bool]] = field(default_factory=list)
    """Here-documents that start on the next line: end word, quoted, tabs stripped."""

    def write(self) -> None:
        while self.position < len(self.script):
            kind, end = self.contexts[-1]
            plain = _PLAIN_TEXT.match(self.script, self.position)
            if plain:
                self._take(len(plain[0]))
                continue
            if self._at(MARK):
                self._reference(kind)
            elif end and self._at(end):
                self._take(len(end))
                self.contexts.pop()
            elif self._at("\\"):
                self._take(2)
            elif not self._opens(kind):
                self._plain(kind)

    def _opens(self, kind: str) -> bool:
        """Whether a context with a closing sign starts here."""
        for sign, context in (
            ("$((", (ARITHMETIC, "))")),
            ("$(", (PLAIN, ")")),
            ("${", (DOUBLE if kind == DOUBLE else PLAIN, "}")),
            ('"', (DOUBLE, '"')),
        ):
            if self._at(sign) and not (sign == '"' and kind == ARITHMETIC):
                self._take(len(sign))
                self.contexts.append(context)
                return True
        if self._at("`"):
            self._skip("`", "in `...`")
            return True
        return False

    def _plain(self, kind: str) -> None:
        if kind != PLAIN:
            self._take(1)
        elif self._at("'"):
            self._skip("'", "in single quotes")
        elif self._at("((") and self._begins_word():
            self._take(2)
            self.contexts.append((ARITHMETIC, "))"))
        elif self._at("("):
            self._take(1)
            self.contexts.append((PLAIN, ")"))
        elif self._at("#") and self._begins_word():
            self._comment()
        elif self._at("\n"):
            self._take(1)
            self._heredoc_texts()
        elif not self._heredoc():
            self._take(1)

    def _reference(self, kind: str) -> None:
        end = self.script.find(_END, self.position)
        if end < 0:
            raise ValueError("unclosed '${{': expected '}}'")
        if kind == ARITHMETIC:
            raise ValueError(_IN_CODE.format("in an arithmetic expression"))
        name = self._variable(self.script[self.position + len(MARK) : end])
        self.out.append(f"${{{name}}}" if kind == DOUBLE else f'"${{{name}}}"')
        self.position = end + len(_END)

    def _variable(self, text: str) -> str:
        reference = parse_reference(text)
        self.check(reference)
        name = environment_name(reference)
        other = self.variables.setdefault(name, reference)
        if other != reference:
            raise ValueError(f"'{other}' and '{reference}' would both become the variable {name}")
        return name

    def _skip(self, sign: str, where: str) -> None:
        """Skip a quoted part, which must not contain a reference."""
        end = self.script.find(sign, self.position + 1)
        end = len(self.script) if end < 0 else end + 1
        if MARK in self.script[self.position : end]:
            raise ValueError(_IN_CODE.format(where))
        self._take(end - self.position)

    def _comment(self) -> None:
        end = self.script.find("\n", self.position)
        end = len(self.script) if end < 0 else end
        self._take(end - self.position)

    def _heredoc(self) -> bool:
        if self._at("<<<"):
            self._take(3)
            return True
        match = _HEREDOC.match(self.script, self.position)
        if match is None:
            return False
        word = match[2] or match[3] or match[4]
        quoted = match[4] is None or "\\" in match[0]
        self.heredocs.append((word, quoted, bool(match[1])))
        self._take(len(match[0]))
        return True

    def _heredoc_texts(self) -> None:
        for word, quoted, tabs in self.heredocs:
            self._heredoc_text(word, quoted, tabs)
        self.heredocs = []

    def _heredoc_text(self, word: str, quoted: bool, tabs: bool) -> None:
        while self.position < len(self.script):
            end = self.script.find("\n", self.position)
            end = len(self.script) if end < 0 else end
            line = self.script[self.position : end]
            if (line.lstrip("\t") if tabs else line) == word:
                return
            if quoted and MARK in line:
                raise ValueError(f"a quoted here-document expands nothing: write <<{word}")
            while self.position < end:
                if self._at(MARK):
                    self._reference(DOUBLE)
                else:
                    self._take(1)
            self._take(1)

    def _begins_word(self) -> bool:
        return self.position == 0 or self.script[self.position - 1] in " \t\n;&|("

    def _at(self, text: str) -> bool:
        return self.script.startswith(text, self.position)

    def _take(self, count: int) -> None:
        self.out.append(self.script[self.position : self.position + count])
        self.position += count
