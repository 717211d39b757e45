"""Evidence text is data (invariant 9): escaped injectively where it is shown, never stripped."""

from __future__ import annotations

import re
import unicodedata

_SUSPECT = re.compile(r"[^\x20-\x5b\x5d-\x7e]")
_KEEP = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}


def escape(text: object) -> str:
    """Printable on one line: control, format, bidi, separator and unassigned characters become ``\\u{…}``, a backslash ``\\\\``.

    Injective, so two names that differ stay different: a stripped name could collide with a waived one.
    """
    return _SUSPECT.sub(_replace, str(text))


def _replace(match: re.Match[str]) -> str:
    char = match.group()
    if char == "\\":
        return "\\\\"
    # Combining marks are escaped too: enough of them paint over the lines around them.
    return char if unicodedata.category(char) in _KEEP else f"\\u{{{ord(char):x}}}"


_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@:/-])")


def markdown(text: object) -> str:
    """Safe inside a Markdown paragraph or table cell: no markup, no link, no mention, no HTML."""
    return _MARKDOWN.sub(lambda match: f"&#{ord(match.group())};", escape(text))


def workflow_data(text: object) -> str:
    """Safe as the data of a GitHub workflow command."""
    return escape(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: object) -> str:
    """Safe as a property of a GitHub workflow command."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")
