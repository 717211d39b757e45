"""``docs/input.md``: the fields of ``gate.input/v1``, from the types and the text under each field in their source."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from gate import limits
from gate.model import input as input_module
from gate.model.input import Input

__all__ = ["input_tables", "limits_table"]

_FOLDER = Path(input_module.__file__).parent
_WORD = re.compile(r"[A-Za-z_]\w*")


class _Type:
    """A contract type as its source says it."""

    def __init__(self, node: ast.ClassDef) -> None:
        self.text = ast.get_docstring(node) or ""
        self.fields: list[tuple[str, str, str]] = []
        for at, step in enumerate(node.body):
            if isinstance(step, ast.AnnAssign) and isinstance(step.target, ast.Name):
                after = node.body[at + 1] if at + 1 < len(node.body) else None
                said = after.value if isinstance(after, ast.Expr) else None
                text = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""
                self.fields.append((step.target.id, ast.unparse(step.annotation), " ".join(text.split())))


@cache
def _source() -> tuple[dict[str, _Type], dict[str, str]]:
    """The types, and the names of closed sets of values, in gate/model."""
    types: dict[str, _Type] = {}
    names: dict[str, str] = {}
    for path in sorted(_FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                types.setdefault(node.name, _Type(node))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = ast.unparse(node.value)
                if text.startswith("Literal["):
                    names.setdefault(node.targets[0].id, text)
    return types, names


def _values(match: re.Match[str]) -> str:
    values = [value or '""' for value in re.findall(r"'([^']*)'", match[1])]
    return f"`{values[0]}`" if len(values) == 1 else "one of " + ", ".join(f"`{value}`" for value in values)


def _kind(annotation: str) -> str:
    """The type as a reader of JSON would say it."""
    types, names = _source()
    text = re.sub(r"tuple\[(.+?), \.\.\.\]", r"array of \1", annotation)
    for name, literal in names.items():
        text = re.sub(rf"\b{name}\b", lambda _, literal=literal: literal, text)  # type: ignore[misc]
    text = re.sub(r"\bstr\b", "text", text).replace("bool", "true or false").replace("int", "integer").replace("float", "number")
    text = text.replace("Any", "anything").replace("None", "null").replace(" | ", " or ")
    text = re.sub(
        r"\b(?!Literal)[A-Z]\w+\b", lambda match: f"[{match[0]}](#{match[0].lower()})" if match[0] in types else match[0], text
    )
    text = re.sub(r"Literal\[([^\]]*)\]", _values, text)
    return re.sub(r"dict\[text, (.+)\]", r"object of \1", text)


def input_tables() -> str:
    """One table for each type that the input document reaches, breadth first."""
    types, _ = _source()
    order = [Input.__name__]
    for name in order:
        for _, annotation, _ in types[name].fields:
            order += [word for word in _WORD.findall(annotation) if word in types and word not in order]
    parts = []
    for name in order:
        found = types[name]
        rows = "".join(
            f"| `{field}` | {_kind(kind)} | {text.replace('|', chr(92) + '|')} |\n" for field, kind, text in found.fields
        )
        text = found.text.replace("``", "`") + "\n\n" if found.text else ""
        parts.append(f"### {name}\n\n{text}| field | type | meaning |\n|---|---|---|\n{rows}".replace("``", "`"))
    return "\n".join(parts)


def limits_table() -> str:
    """The bounds of `gate.limits`, with their defaults."""
    tree = ast.parse(Path(limits.__file__).read_text("utf-8"))
    found = _Type(next(node for node in tree.body if isinstance(node, ast.ClassDef)))
    rows = "".join(f"| `{name}` | {getattr(limits.DEFAULT, name):,} | {text} |\n" for name, _, text in found.fields)
    return "| limit | default | of what |\n|---|--:|---|\n" + rows
