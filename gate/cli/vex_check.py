"""``gate vex check``: bindings by the gate's own matching, and the word of the real scanners."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit
from gate.cli.vex_files import Opened, as_json, open_files, table
from gate.cli.vex_sboms import graphs_for
from gate.errors import EvidenceUnavailable, UsageError
from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.evidence.suppression import Row
    from gate.model.verdict import Verdict
    from gate.vex.check import Checked


def run(verdicts: Sequence[Verdict], options: Mapping[str, Any]) -> int:
    """Check each image; returns the exit code."""
    from gate.vex import write
    from gate.vex.check import check

    if options["target"] and len(verdicts) > 1:
        raise UsageError("one --target for several images", fix="choose one with --image")
    opened = open_files(options["files"])
    graphs = graphs_for(options["sboms"], verdicts) if options["sboms"] else {}
    results = []
    for verdict in verdicts:
        around = graphs.get(verdict.outcome.subject.digest, ())
        checked = check([item.source for item in opened], verdict, now=write.clock(os.environ), graphs=around)
        rows = _scanned(verdict, checked, opened, options) if options["tools"] else ()
        results.append((verdict, checked, rows))
    # A statement about one platform of an index need not bind on the others.
    bound = {(item.file, item.statement) for _, checked, _ in results for item in checked.bindings if item.binds}
    idle = {(item.file, item.statement) for _, checked, _ in results for item in checked.idle} - bound
    disagree = sum(1 for _, _, rows in results for row in rows if not row.agrees)
    if options["form"] == "json":
        emit(
            as_json(
                [
                    {"subject": verdict.outcome.subject.digest, "statements": checked.bindings, "findings": rows}
                    for verdict, checked, rows in results
                ]
            )
        )
    else:
        for verdict, checked, rows in results:
            _text(verdict, checked, rows, options["tools"])
        click.echo(_summary(len(idle), disagree, options["tools"]))
    return 1 if idle or disagree else 0


def _summary(idle: int, disagree: int, tools: Sequence[str]) -> str:
    parts = [f"{idle} statements bind nothing" if idle else "every statement binds"]
    if tools:
        names = " and ".join(tools)
        parts.append(
            f"{disagree} findings are treated differently by {names}" if disagree else f"{names} suppress the same findings"
        )
    return "; ".join(parts)


def _text(verdict: Verdict, checked: Checked, rows: Sequence[Row], tools: Sequence[str]) -> None:
    subject = verdict.outcome.subject
    click.echo(f"{escape(subject.name)}@{subject.digest}: {len(verdict.outcome.findings)} findings")
    for item in checked.bindings:
        bound = f"binds {len(item.binds)}, decides {len(item.decides)}" if item.binds else "binds nothing"
        click.echo(f"  {item.status:<19}  {escape(item.vulnerabilities[0] if item.vulnerabilities else '(none)')}  {bound}")
        for key in item.binds:
            click.echo(f"    {escape(key)}" + ("" if key in item.decides else "  (another statement holds)"))
        if not item.binds:
            click.echo(f"    {escape(item.detail)}")
    interesting = [row for row in rows if row.gate == "suppressed" or not row.agrees]
    if interesting:
        lines = [("finding", "gate", *tools, "")]
        lines += [
            (
                escape(row.finding),
                row.gate,
                *({"absent": "not reported"}.get(row.tools[tool], row.tools[tool]) for tool in tools),  # type: ignore[index]
                "" if row.agrees else "← differs",
            )
            for row in interesting
        ]
        click.echo(table(lines))


def _scanned(verdict: Verdict, checked: Checked, opened: Sequence[Opened], options: Mapping[str, Any]) -> tuple[Row, ...]:
    from gate.evidence import suppression
    from gate.evidence.scan import find_tool
    from gate.limits import Limits

    wrapped = [item.name for item in opened if item.source.subjects or item.document.format == "cyclonedx-vex"]
    if wrapped:
        raise UsageError(
            f"{wrapped[0]} is no file that grype and trivy read",
            why="they take OpenVEX and CSAF files",
            fix=f"gate vex convert --to openvex {wrapped[0]}",
        )
    subject = verdict.outcome.subject
    target = options["target"] or subject.reference
    if target.startswith("oci:"):
        from gate.oci.source import split_path

        target = f"oci-dir:{split_path(target.removeprefix('oci:'))[0]}"
        click.echo(
            "note: a layout has no repository digest, by which scanners know an image; push it and give --target to prove more",
            err=True,
        )
    elif subject.kind in ("archive", "digest") and not options["target"]:
        raise UsageError("the verdict names nothing that a scanner can scan", fix="--target registry.example/app@sha256:…")
    databases = {"grype": options["grype_db"], "trivy": options["trivy_cache"]}
    scans: dict[Any, suppression.Scanned] = {}
    with tempfile.TemporaryDirectory(prefix="gate-vex-") as folder:
        files = [Path(folder) / f"{number}.json" for number in range(len(opened))]
        for path, item in zip(files, opened, strict=True):  # they read no compressed files
            path.write_bytes(item.data)
        for tool in options["tools"]:
            program = find_tool(tool, os.environ)
            if program is None:
                raise EvidenceUnavailable(f"{tool} was not found", fix="gate doctor")
            scans[tool] = suppression.scan(
                tool,
                target,
                subject.digest,
                files,
                program=program,
                database=Path(databases[tool]) if databases[tool] else None,
                limits=Limits.from_environment(),
                environ=os.environ,
                plain_http=options["plain_http"],
            )
    rows = suppression.compare(verdict.outcome.findings, checked.suppressed, scans)
    for tool in scans:
        if rows and all(row.tools[tool] == "absent" for row in rows):
            raise EvidenceUnavailable(
                f"{tool} reports none of the {len(rows)} findings",
                why="what it does not report it cannot suppress; nothing would be proven",
                fix="give it a database: --grype-db, --trivy-cache",
            )
    return rows
