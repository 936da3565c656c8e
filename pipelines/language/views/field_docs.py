"""Descriptions of the models' fields, for schema and reference page.

They are read from the source code when a page is made, not when doit starts.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


def model_text(model: type[BaseModel]) -> str:
    """First paragraph of the model's docstring, in one line."""
    return " ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split())


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field that has one, by field name, in one line."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _own_texts(base)
    return found


def _own_texts(model: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(dedent(inspect.getsource(model))).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            found[field.target.id] = " ".join(text.value.value.split())
    return found
