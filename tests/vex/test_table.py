"""The truth table of VEX: one row, one case, with what grype and trivy do beside what we do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.vex.resolve import VexSource, resolve
from tests.factory import CONFIG, DIGEST, INDEX, NOW, OTHER, subject
from tests.vex.make import AUTHOR, CVE, OPENSSL, SIGNED, UNSIGNED, document, finding, statement

ROWS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "table.yaml").read_text())["rows"]
_PACKAGE = "pkg:deb/debian/openssl@3.0.11-1"
_OWN = {"product", "sub", "hash", "vuln", "vuln_id", "aliases", "at", "author", "doc", "version", "signed", "subjects"}


def _name(text: str) -> str:
    """The letters that stand for digests, where they stand for them."""
    text = _PACKAGE if text == "OPENSSL" else text
    text = (
        DIGEST.removeprefix("sha256:")
        if text == "H"
        else text.replace("sha256%3AH", "sha256%3A" + DIGEST.removeprefix("sha256:"))
    )
    for letter, digest in {"D": DIGEST, "I": INDEX, "C": CONFIG, "O": OTHER}.items():
        head, at, tail = text.partition(f"@{letter}")
        text = f"{head}@{digest}{tail}" if at and tail[:1] in ("", "?") else text
    return text


def _statement(said: dict[str, Any]) -> dict[str, Any]:
    product: dict[str, Any] = {}
    if "product" in said:
        product["@id"] = _name(said["product"])
    if "hash" in said:
        product["hashes"] = {"sha-256": _name(said["hash"])}
    if "sub" in said:
        product["subcomponents"] = [{"@id": _name(said["sub"])}]
    fields = {name: value for name, value in said.items() if name not in _OWN}
    made = statement(fields.pop("status", "not_affected"), products=[product] if product else None)
    made["timestamp"] = f"{said.get('at', '2025-01-02')}T00:00:00Z"
    made["vulnerability"] = {
        "name": said.get("vuln", CVE),
        "@id": said.get("vuln_id", ""),
        "aliases": said.get("aliases", []),
    }
    return made | fields


def _source(number: int, said: dict[str, Any], signed: bool) -> VexSource:
    identity = f"https://example.com/{said.get('doc', number)}"
    made = document(_statement(said), id=identity, author=said.get("author", AUTHOR), version=said.get("version", 1))
    names = {"D": DIGEST, "O": OTHER}
    return VexSource(
        f"sha256:{number}",
        made,
        SIGNED if signed and said.get("signed", True) else UNSIGNED,
        tuple(names[text] for text in said.get("subjects", ())),
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['about']}: {row['case']}".replace(" ", "_"))
def test_truth_table(row: dict[str, Any]) -> None:
    """Each case of the table ends as its column says; a finding that is kept may show the statement that keeps it."""
    purl = row.get("find", OPENSSL)
    version = purl.partition("?")[0].rpartition("@")[2]
    found = finding(row.get("id", CVE), purl, aliases=tuple(row.get("aliases", ())), version=version)
    image = row.get("image", "registry.example/app")
    facts, applied = resolve(
        [_source(number, said, True) for number, said in enumerate(row["say"])],
        [found],
        subject(name=image, reference=f"{image}:1"),
        authors=row.get("authors", [AUTHOR]),
        require_signed=row.get("require_signed", True),
        now=NOW,
    )
    held = applied.get(found.key)
    assert (held is not None and held.counts) == (row["ours"] == "suppressed"), (held, facts)
    if "status" in row:
        assert held is not None
        assert held.status == row["status"]
    if "facts" in row:
        assert getattr(facts, row["facts"])


def test_the_table_is_as_wide_as_it_says() -> None:
    """At least ten rows more than the sixty that make a table, each dimension with several, no case twice, all columns there."""
    assert len(ROWS) >= 70
    assert len({(row["about"], row["case"]) for row in ROWS}) == len(ROWS)
    for about in ("product", "qualifier", "alias", "scope", "time", "author", "form"):
        assert sum(row["about"] == about for row in ROWS) >= 5, about
    assert {row["ours"] for row in ROWS} == {"suppressed", "kept"}
    assert all(row["grype"] and row["trivy"] for row in ROWS)


def test_we_never_suppress_where_both_scanners_keep_without_a_reason_of_our_own() -> None:
    """What both keep and we suppress is a matter of spelling only: product, qualifier or alias, never scope, time or author."""
    looser = [row for row in ROWS if row["ours"] == "suppressed" and row["grype"] == row["trivy"] == "kept"]
    assert {row["about"] for row in looser} <= {"product", "qualifier", "alias"}
