"""`--scan stig`: content by os-release, what oscap is told, what is recorded, and the real oscap on a real root."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gate.errors import EvidenceUnavailable, GateError, LimitExceeded, UsageError
from gate.evidence.interface import Document
from gate.evidence.oscap import CONTENT_FOLDERS, choose_profile, find_content, run_oscap, target_of
from gate.limits import DEFAULT, Limits
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from tests.e2e.test_inspect import built, layout
from tests.evidence.stig.support import only, read
from tests.factory import subject
from tests.oci.layering import File, folder, symlink
from tests.tools import tool

RELEASE = [folder("etc"), File("etc/os-release", b'NAME="Debian"\nID=debian\nVERSION_ID="11"\n')]
BENCHMARK = """<?xml version="1.0"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_t_benchmark_B"><status>draft</status><version>1</version>
<Profile id="xccdf_t_profile_p"><title>P</title>{selects}</Profile>{rules}</Benchmark>
"""
OVAL = """<?xml version="1.0"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5" xmlns:o="http://oval.mitre.org/XMLSchema/oval-common-5"
 xmlns:u="http://oval.mitre.org/XMLSchema/oval-definitions-5#unix">
<generator><o:schema_version>5.11</o:schema_version><o:timestamp>2026-01-01T00:00:00</o:timestamp></generator>
<definitions>{definitions}</definitions><tests>{tests}</tests><objects>{objects}</objects></oval_definitions>
"""


def content(folder: Path, **absent: str) -> Path:
    """A benchmark whose rules ask that a file is not there, by name of the rule."""
    ids = {name: number for number, name in enumerate(absent, 1)}
    names = [f"xccdf_t_rule_{name}" for name in absent]
    rules = "".join(
        f'<Rule id="xccdf_t_rule_{name}" severity="medium"><title>{name}</title>'
        f'<check system="http://oval.mitre.org/XMLSchema/oval-definitions-5">'
        f'<check-content-ref href="oval.xml" name="oval:t:def:{number}"/></check></Rule>'
        for name, number in ids.items()
    )
    selects = "".join(f'<select idref="{name}" selected="true"/>' for name in names)
    definitions = "".join(
        f'<definition id="oval:t:def:{n}" version="1" class="compliance"><metadata><title>t</title><description>t</description>'
        f'</metadata><criteria><criterion test_ref="oval:t:tst:{n}"/></criteria></definition>'
        for n in ids.values()
    )
    tests = "".join(
        f'<u:file_test id="oval:t:tst:{n}" version="1" check="all" check_existence="none_exist" comment="t">'
        f'<u:object object_ref="oval:t:obj:{n}"/></u:file_test>'
        for n in ids.values()
    )
    objects = "".join(
        f'<u:file_object id="oval:t:obj:{n}" version="1"><u:filepath>{absent[name]}</u:filepath></u:file_object>'
        for name, n in ids.items()
    )
    folder.mkdir(exist_ok=True)
    (folder / "oval.xml").write_text(OVAL.format(definitions=definitions, tests=tests, objects=objects))
    (folder / "xccdf.xml").write_text(BENCHMARK.format(selects=selects, rules=rules))
    return folder / "xccdf.xml"


def script(folder: Path, body: str) -> Path:
    """A program in oscap's place."""
    path = folder / "oscap"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def run(work: Path, oscap: Path | None, *files: File, limits: Limits = DEFAULT, **changes: Any) -> Document:
    """Scan an image of these files."""
    name = layout(work / "image", built([*RELEASE, *files]))
    values: dict[str, Any] = {"content": None, "profile": None, "environ": {**os.environ, "OSCAP_FULL_VALIDATION": "x"}}
    with contextlib.closing(open_source(name, options=RegistryOptions(), limits=DEFAULT)) as source:
        image = load(source, source.resolve(), ())
        return run_oscap(source, image.subject, oscap=oscap, limits=limits, **(values | changes))


def notes(document: Document) -> dict[str, str]:
    """What was recorded, by code."""
    return {note.code: note.message for note in document.notes}


def test_what_oscap_is_told(tmp_path: Path) -> None:
    """The root, the image with its digest, its environment; nothing of the caller's OSCAP_ variables."""
    given = content(tmp_path / "c", a="/etc/a")
    body = '{ env; ls -a "$OSCAP_PROBE_ROOT/run"; } > results/xccdf.xml; echo "bad $OSCAP_PROBE_ROOT" >&2; exit 2'
    document = run(tmp_path, script(tmp_path, body), content=given)
    said = document.data.decode()
    assert "OSCAP_EVALUATION_TARGET=oci://image@sha256:" in said or "OSCAP_EVALUATION_TARGET=oci://layout@sha256:" in said
    assert "OSCAP_CONTAINER_VARS=A=1" in said
    assert "OSCAP_FULL_VALIDATION" not in said
    assert ".containerenv" in said
    recorded = notes(document)
    assert "--profile xccdf_t_profile_p --results results/xccdf.xml" in recorded["scan_command"]
    assert "(exit code 2)" in recorded["scan_command"]
    assert recorded["scan_content"].startswith(f"{given} sha256:")
    assert recorded["scan_stderr"] == "bad /root"  # no private path, so that two runs say the same
    assert (document.origin, document.source) == ("computed", "--scan stig")
    assert document.tool_digest is not None


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        ("exit 1", EvidenceUnavailable, "exit code 1"),
        ("exit 0", EvidenceUnavailable, "wrote no results"),
        ("kill -9 $$", EvidenceUnavailable, "exit code -9"),
        ("sleep 60", EvidenceUnavailable, "was stopped after"),
        ("sleep 0.3; head -c 300000 /dev/zero > results/xccdf.xml; exit 0", GateError, "document_bytes"),
        ("yes", LimitExceeded, "document_bytes"),
    ],
)
def test_an_oscap_that_fails_gives_no_results(body: str, error: type[GateError], text: str, tmp_path: Path) -> None:
    """Each is an error with its reason; whatever it started is gone."""
    given = content(tmp_path / "c", a="/etc/a")
    limits = dataclasses.replace(DEFAULT, tool_seconds=1.5, document_bytes=200_000)
    started = time.monotonic()
    with pytest.raises(error, match=text):
        run(tmp_path, script(tmp_path, body), content=given, limits=limits)
    assert time.monotonic() - started < 10


def test_without_oscap_it_says_what_to_type(tmp_path: Path) -> None:
    """Exit 3, as for any scanner that is missing."""
    with pytest.raises(EvidenceUnavailable, match="oscap was not found") as caught:
        run(tmp_path, None)
    assert "apt-get install openscap-scanner" in caught.value.fix
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ({"ID": "debian", "VERSION_ID": "12"}, "ssg-debian12-ds.xml"),
        ({"ID": "ubuntu", "VERSION_ID": "22.04"}, "ssg-ubuntu2204-ds.xml"),
        ({"ID": "rhel", "VERSION_ID": "9.4"}, "ssg-rhel9-ds.xml"),
        ({"ID": "sles", "VERSION_ID": "15.5"}, "ssg-sle15-ds.xml"),
        ({"ID": "amzn", "VERSION_ID": "2023"}, "ssg-al2023-ds.xml"),
        ({"ID": "fedora", "VERSION_ID": "41"}, "ssg-fedora-ds.xml"),
        ({}, ""), ({"ID": "wolfi", "VERSION_ID": "1"}, ""), ({"ID": "debian"}, ""),
        ({"ID": "debian", "VERSION_ID": "../../x"}, ""),
        ({"ID": "ubuntu", "VERSION_ID": "²²"}, ""), ({"ID": "alpine", "ID_LIKE": "debian", "VERSION_ID": "12"}, ""),
    ],
)  # fmt: skip
def test_content_by_distribution(release: dict[str, str], name: str, tmp_path: Path) -> None:
    """A closed list; nobody's content for somebody else, and no path out of os-release."""
    if name:
        (tmp_path / name).write_text("x")
        assert find_content(release, (tmp_path / "none", tmp_path)) == tmp_path / name
    else:
        with pytest.raises(EvidenceUnavailable, match="no STIG content is known"):
            find_content(release, (tmp_path,))


def test_content_that_is_not_installed(tmp_path: Path) -> None:
    """Says which file is missing."""
    with pytest.raises(EvidenceUnavailable, match=r"ssg-debian12-ds\.xml"):
        find_content({"ID": "debian", "VERSION_ID": "12"}, (tmp_path,))


def test_profiles() -> None:
    """A STIG before the standard profile, by short name or whole id, and none that is not there."""
    ssg = "xccdf_org.ssgproject.content_profile_"
    data = "".join(f'<xccdf-1.2:Profile id="{ssg}{name}">' for name in ("standard", "stig", "odd")).encode()
    assert choose_profile(data, None, "f") == f"{ssg}stig"
    assert choose_profile(data, "odd", "f") == choose_profile(data, f"{ssg}odd", "f") == f"{ssg}odd"
    for asked, content_ in (("ST", data), ("", data), (None, b"<Benchmark/>")):
        with pytest.raises(UsageError):
            choose_profile(content_, asked, "f")


def test_the_only_profile_of_given_content(tmp_path: Path) -> None:
    """No name is needed where there is no choice."""
    assert choose_profile(content(tmp_path, a="/a").read_bytes(), None, "f") == "xccdf_t_profile_p"


@pytest.mark.parametrize("name", ["r.example/app", "a@sha256:" + "b" * 64, "-x", "a b", ""])
def test_the_target_names_one_digest(name: str) -> None:
    """Whatever the image is called."""
    about = subject(name=name)
    assert target_of(about).endswith(f"@{about.digest}")
    assert target_of(about).count("sha256") == 1


def test_the_real_oscap(tmp_path: Path) -> None:
    """It finds files of the image and none of the machine's, also through links out; the report names the image's digest."""
    given = content(
        tmp_path / "c", there="/etc/motd-of-image", gone="/etc/not-there", out="/escape/passwd", marker="/run/.containerenv"
    )
    document = run(
        tmp_path, tool("oscap"), File("etc/motd-of-image", b"x"), symlink("escape", "/../../../../../../../../etc"), content=given
    )
    report = only(document.data)
    assert {result.rule: result.result for result in report.results} == {
        "there": "fail", "gone": "pass", "out": "pass", "marker": "fail",
    }  # fmt: skip
    assert report.scanner == "openscap"
    assert report.scanner_version
    assert {named.digest for named in read(document.data).names} == {document.attached_to}
    assert notes(document)["scan_command"].endswith("(exit code 2)")


def test_programs_of_the_content_are_not_run(tmp_path: Path) -> None:
    """A check of content that is a script would run here with the gate's rights; it stays without an answer, and that is said."""
    given = content(tmp_path / "c", a="/etc/a")
    text = given.read_text().replace("http://oval.mitre.org/XMLSchema/oval-definitions-5", "http://open-scap.org/page/SCE")
    given.write_text(text.replace('href="oval.xml" name="oval:t:def:1"', 'href="check.sh"').replace("<Rule", "\n<Rule"))
    (given.parent / "check.sh").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit $XCCDF_RESULT_PASS\n")
    (given.parent / "check.sh").chmod(0o755)
    document = run(tmp_path, tool("oscap"), content=given)
    assert not (tmp_path / "ran").exists()
    assert [result.result for result in only(document.data).results] == ["notchecked"]
    assert "scan_programs" in notes(document)


@pytest.mark.parametrize("marker", ["run/.containerenv", ".dockerenv"])
def test_an_image_that_ships_the_marker_is_noted(marker: str, tmp_path: Path) -> None:
    """It switches rules off, which is for whoever reads the evidence to know."""
    given = content(tmp_path / "c", a="/etc/a")
    oscap = script(tmp_path, 'echo "<x/>" > results/xccdf.xml; ls -a "$OSCAP_PROBE_ROOT" "$OSCAP_PROBE_ROOT/run" 1>&2')
    document = run(tmp_path, oscap, File(marker, b"shipped"), content=given)
    assert "container_marker_shipped" in notes(document)
    assert notes(document)["scan_stderr"].count("env") == 1


@pytest.mark.parametrize("link", ["nowhere", "/etc/os-release", "var/../../run"])
def test_run_may_be_a_link(link: str, tmp_path: Path) -> None:
    """The marker is made inside the root whatever `run` is."""
    given = content(tmp_path / "c", a="/etc/a")
    oscap = script(tmp_path, 'echo "<x/>" > results/xccdf.xml; ls -a "$OSCAP_PROBE_ROOT" 1>&2')
    document = run(tmp_path, oscap, symlink("run", link), content=given)
    assert ".dockerenv" in notes(document)["scan_stderr"]


def test_the_real_content_of_debian(tmp_path: Path) -> None:
    """The SCAP Security Guide on a small root: the right benchmark is taken by os-release, and something is evaluated."""
    oscap = tool("oscap")
    if not (CONTENT_FOLDERS[0] / "ssg-debian11-ds.xml").is_file():
        pytest.skip("ssg-debian11-ds.xml is not here (apt-get install ssg-debian)")
    report = only(run(tmp_path, oscap).data)
    assert report.benchmark == "xccdf_org.ssgproject.content_benchmark_DEBIAN-11"
    assert report.profile == "xccdf_org.ssgproject.content_profile_standard"
    assert report.counts.selected > 10
