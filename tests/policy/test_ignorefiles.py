"""Tests of other tools' ignore files: what a draft holds, and that nothing is lost or widened."""

from __future__ import annotations

import pytest

from gate.errors import ConfigError
from gate.policy.drafts import drafts
from gate.policy.ignorefiles import READERS, Ignored, NotHeld, kind_of, read_ignores

NOW = "2026-11-23T12:00:00Z"

FILES = {
    ".trivyignore": """\
# Accept the risk
CVE-2018-14618

# until it is fixed
CVE-2019-14697 exp:2027-01-31
GHSA-aaaa-bbbb-cccc # why
CVE-2019-1 exp:soon
CVE-2019-2 exp:2020-01-01
CVE-2019-3 path:usr/lib
CVE-2019-*
AVD-DS-0002
generic-unwanted-rule
""",
    ".trivyignore.yaml": """\
vulnerabilities:
  - id: CVE-2022-40897
    purls: ["pkg:pypi/setuptools@65.5.0", "pkg:deb/debian/curl?arch=amd64"]
    expired_at: 2027-01-31
    statement: Accept the risk
  - id: CVE-2023-2650
  - id: CVE-2023-3446
    paths: ["foo/bar/**"]
  - id: CVE-2023-3447
    purls: ["pkg:npm/*"]
  - CVE-2023-1
misconfigurations:
  - id: AVD-DS-0001
secrets:
  - id: aws-access-key-id
licenses:
  - id: GPL-3.0
""",
    ".grype.yaml": """\
only-fixed: true
exclude: ["./tests/**"]
ignore:
  - vulnerability: CVE-2008-4318
    reason: not exploitable
  - vulnerability: CVE-2021-3
    package: {name: requests, version: 2.19.1, type: python}
  - vulnerability: CVE-2021-4
    package: {name: zlib1g, type: deb}
  - vulnerability: CVE-2021-5
    fix-state: unknown
  - vulnerability: CVE-2021-6
    package: {name: "lib.*", type: python}
  - vulnerability: CVE-2021-7
    package: {location: "/usr/local/**"}
  - package: {type: gem}
  - fix-state: wont-fix
""",
    "osv-scanner.toml": """\
[[IgnoredVulns]]
id = "GO-2022-0968"
ignoreUntil = 2027-01-31
reason = "No ssh servers are connected to"
[[IgnoredVulns]]
id = "GO-2022-1"
ignoreUntil = 2027-01-31T12:00:00+02:00
[[IgnoredVulns]]
id = "GO-2022-2"
[[PackageOverrides]]
name = "lib"
ecosystem = "Go"
ignore = true
""",
    ".snyk": """\
version: v1.25.0
ignore:
  SNYK-JS-LODASH-567746:
    - '*':
        reason: None given
        expires: '2027-01-31T00:00:00.000Z'
        created: '2026-01-01T00:00:00.000Z'
  'npm:hawk:20160119':
    - sqlite > node-pre-gyp > hawk:
        reason: deep
  SNYK-2:
    - '*': null
patch:
  'npm:ms:1': []
""",
    ".nancy-ignore": "CVE-2021-20206 until=2027-01-31 # later\nCVE-9999-1\nsonatype\n",
    "pip-audit.args": """\
-r requirements.txt --ignore-vuln PYSEC-2021-1  # not called
--ignore-vuln=GHSA-aaaa-bbbb-cccc --ignore-vuln PYSEC-2021-1
""",
    "pyproject.toml": """\
[tool.pip-audit]
ignore-vulns = ["PYSEC-2022-1", "CVE-2022-2"]
[x]
args = ["--ignore-vuln", "CVE-2022-3"]
""",
}
HELD = {
    ".trivyignore": [
        ("CVE-2018-14618", (), "Accept the risk", ""),
        ("CVE-2019-14697", (), "until it is fixed", "2027-01-31"),
        ("GHSA-aaaa-bbbb-cccc", (), "why", ""),
        ("CVE-2019-2", (), "", "2020-01-01"),
    ],
    ".trivyignore.yaml": [
        ("CVE-2022-40897", ("pkg:pypi/setuptools@65.5.0", "pkg:deb/debian/curl"), "Accept the risk", "2027-01-31"),
        ("CVE-2023-2650", (), "", ""),
    ],
    ".grype.yaml": [
        ("CVE-2008-4318", (), "not exploitable", ""),
        ("CVE-2021-3", ("pkg:pypi/requests@2.19.1",), "", ""),
        ("CVE-2021-4", (), "", ""),
    ],
    "osv-scanner.toml": [
        ("GO-2022-0968", (), "No ssh servers are connected to", "2027-01-31"),
        ("GO-2022-1", (), "", "2027-01-31T10:00:00Z"),
        ("GO-2022-2", (), "", ""),
    ],
    ".snyk": [("SNYK-JS-LODASH-567746", (), "None given", "2027-01-31T00:00:00Z")],
    ".nancy-ignore": [("CVE-2021-20206", (), "later", "2027-01-31"), ("CVE-9999-1", (), "", "")],
    "pip-audit.args": [("PYSEC-2021-1", (), "not called", ""), ("GHSA-aaaa-bbbb-cccc", (), "", "")],
    "pyproject.toml": [("PYSEC-2022-1", (), "", ""), ("CVE-2022-2", (), "", ""), ("CVE-2022-3", (), "", "")],
}
NOT_HELD = {
    ".trivyignore": ["CVE-2019-1", "CVE-2019-3 path:usr/lib", "CVE-2019-*", "AVD-DS-0002", "generic-unwanted-rule"],
    ".trivyignore.yaml": ["CVE-2023-3446", "CVE-2023-3447", "CVE-2023-1", "AVD-DS-0001", "aws-access-key-id", "GPL-3.0"],
    ".grype.yaml": ["exclude", "only-fixed", "CVE-2021-5", "CVE-2021-6", "CVE-2021-7", "gem", "wont-fix"],
    "osv-scanner.toml": ["lib"],
    ".snyk": ["patch", "npm:hawk:20160119 at sqlite > node-pre-gyp > hawk", "SNYK-2"],
    ".nancy-ignore": ["sonatype"],
    "pip-audit.args": [],
    "pyproject.toml": [],
}


@pytest.mark.parametrize("name", FILES)
def test_every_entry_is_held_or_named(name: str) -> None:
    """What a waiver can say is held with reason and end; all else is named with what and why, and where it stands."""
    entries = read_ignores(f"folder/{name}", FILES[name].encode(), None, 10**6)
    held = [entry for entry in entries if isinstance(entry, Ignored)]
    left = [entry for entry in entries if isinstance(entry, NotHeld)]
    assert [(entry.id, entry.packages, entry.reason, entry.expires) for entry in held] == HELD[name]
    assert len(left) == len(NOT_HELD[name]), left
    for entry, what in zip(left, NOT_HELD[name], strict=True):
        assert what in entry.what and entry.why and entry.place.startswith(f"folder/{name}")


@pytest.mark.parametrize("name", FILES)
def test_what_comes_out_is_a_draft(name: str) -> None:
    """No owner, no ticket, marked a draft; ended entries and those that need a verdict are left, none twice."""
    entries = read_ignores(name, FILES[name].encode(), None, 10**6)
    made, left = drafts(entries, ["vulnerabilities.max_high"], [], NOW)
    assert made and all(each.draft and not each.owner and not each.ticket and each.state == "draft" for each in made)
    assert len({each.id for each in made}) == len(made)
    ended = {".trivyignore": "CVE-2019-2", ".grype.yaml": "CVE-2021-4"}.get(name)
    assert len(left) == len(NOT_HELD[name]) + (ended is not None)
    assert ended is None or ended not in {each.term for each in made}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"[[[", b"- a", b"a: [", b"ignore: 5\nvulnerabilities: 7\n", b"", b"\x00", b"[" * 5000]
)
def test_odd_bytes_raise_nothing_else(kind: str, data: bytes) -> None:
    """Malformed files are errors of configuration; whatever is read holds nothing that is no id."""
    try:
        entries = read_ignores("x", data, kind, 10**6)
    except ConfigError:
        return
    assert not any(isinstance(entry, Ignored) for entry in entries)


def test_names_and_bounds() -> None:
    """A file that no name tells is asked about; a large one refused."""
    assert kind_of("a/b/.trivyignore-prod") == "trivyignore" and kind_of("C:\\x\\.snyk") == "snyk" and kind_of("x.txt") is None
    with pytest.raises(ConfigError, match="cannot be told"):
        read_ignores("x.txt", b"", None, 10)
    with pytest.raises(ConfigError, match="larger"):
        read_ignores(".snyk", b"x" * 11, None, 10)
