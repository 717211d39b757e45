"""Every compliance document of the corpus folder (GATE_CORPUS), with the counts that its own tools give."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.interface import Reading
from tests.evidence.stig.support import counted, read


def _folder() -> Path:
    return Path(os.environ.get("GATE_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus") / "compliance"


def _read(name: str) -> Reading:
    path = _folder() / name
    if not path.is_file():
        pytest.skip(f"no corpus folder (GATE_CORPUS): {path} is absent")
    data = path.read_bytes()
    return read(gzip.decompress(data) if path.suffix == ".gz" else data)


_LETTERS = {
    "p": "passed",
    "f": "failed",
    "e": "error",
    "u": "unknown",
    "c": "notchecked",
    "n": "notapplicable",
    "s": "notselected",
}
_STATED = """
xccdf-results/xccdf-results-openscap-rhel7.xml.gz  openscap 1.2.17  p43 f137
xccdf-results/xccdf-results-scc-rhel8.xml.gz       scc 5.4.2        p73 f175
oscap/cg-deb13on.arf.xml.gz                        openscap 1.3.7   p85 f6 n107
oscap/deb11telnet-standard.arf.xml.gz              openscap 1.3.7   p19 f23 u1 n1 s311
oscap/deb12-vs-ubuntu2204-stig.xccdf.xml.gz        openscap 1.3.7   n215 s482
oscap/deb12c-standard.xccdf.xml.gz                 openscap 1.3.7   p18 n26 s547
oscap-matrix/telnetd-A.oscap137.testresult.xml     openscap 1.3.7   p19 f23 u1 n1
oscap-matrix/telnetd-A.oscap142.testresult.xml     openscap 1.4.2   p17 f25 u1 n1
oscap-matrix/telnetd-B.oscap137.testresult.xml     openscap 1.3.7   p17 f1 n26
oscap-matrix/telnetd-B.oscap142.testresult.xml     openscap 1.4.2   p15 f3 n26
oscap-matrix/telnetd-C.oscap137.testresult.xml     openscap 1.3.7   p24 f19 n1
oscap-matrix/telnetd-C.oscap142.testresult.xml     openscap 1.4.2   p12 f14 e17 n1
oscap-matrix/telnetd-D.oscap137.testresult.xml     openscap 1.3.7   p17 f1 n26
oscap-matrix/telnetd-D.oscap142.testresult.xml     openscap 1.4.2   p12 f1 e5 n26
chainguard/results-minimal-pass.xml                -                p1
chainguard/results-mixed.xml                       -                p1 f1 e1 c1 n1
chainguard/results-empty.xml                       -
ckl/red_hat_good.ckl.gz                            heimdall 2.10.8  p214 c9 n24
ckl/small_ckl_overrides.ckl                        disa 2.17        p2 f4 c4 n1
ckl/three_stig_checklist.ckl.gz                    disa 2.17        c69 / c83 / c286
cklb/Asset_a-VPN_TRUNCATED-V2R5.cklb               -                p3 f2 c4 n1
cklb/Asset_a-multi-stig.cklb                       -                c10 / c10 / p3 f2 c4 n1
cklb/Asset_aaaaaaaaaa-RHEL_9_TRUNCATED-V1R1-no-reviews.cklb -       c10
cklb/Asset_b-multi-stig.cklb                       -                p1 f2 c6 n1 / p1 f2 c6 n1 / p1 f2 c6 n1
cklb/Asset_bbbbbbbbb-VPN_TRUNCATED-V2R5.cklb       -                p1 f2 c6 n1
cklb/CA1294WK16078_COMBINED_20231211-125654.cklb   evaluate-stig 1.2310.1  p1 / p1
cklb/CA1294WK16078_Chrome_V2R8_20231211-125633Trimmed.cklb evaluate-stig 1.2310.1 p2
cklb/GoodStatistics.cklb                           -                p2 f2 c2 n2
hdf/good_nginxresults.json.gz                      inspec 1.37.6    p35 c4 n1
hdf/minimal-hdf.json                               inspec 5.18.14   f1
hdf/red_hat_good.json.gz                           inspec 4.18.104  p213 c10 n24
oscal/ifa_assessment-results-example.json          -                f1
"""
_ROWS = [line.split() for line in _STATED.strip().splitlines()]


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row[0])
def test_counts(row: list[str]) -> None:
    """Scanner, version, and the results of each report by word."""
    name, scanner, *rest = row
    reading = _read(name)
    expected: list[dict[str, int]] = [{}]
    if scanner != "-":
        assert (reading.stig[0].scanner.split()[0], reading.stig[0].scanner_version) == (scanner, rest.pop(0))
    else:
        assert reading.stig[0].scanner == ""
    for part in rest:
        if part == "/":
            expected.append({})
        else:
            expected[-1][_LETTERS[part[0]]] = int(part[1:])
    found = [{key: number for key, number in counted(report).items() if key in _LETTERS.values()} for report in reading.stig]
    assert found == expected
    assert reading.names == ()


def test_every_file_of_these_folders_is_stated() -> None:
    """A file that is added to the corpus does not go unread."""
    folder = _folder()
    if not folder.is_dir():
        pytest.skip(f"no corpus folder (GATE_CORPUS): {folder} is absent")
    folders = ("xccdf-results", "ckl", "cklb", "hdf", "oscal", "oscap", "oscap-matrix")
    there = {f"{name}/{path.name}" for name in folders for path in (folder / name).iterdir()}
    assert there == {row[0] for row in _ROWS if not row[0].startswith("chainguard/")}


def test_a_truncated_report_is_an_error() -> None:
    """The one result before the cut is not a report of one pass."""
    with pytest.raises(EvidenceInvalid, match="not XML"):
        _read("chainguard/results-truncated.xml")


@pytest.mark.parametrize(
    "name",
    [
        "U_Container_Platform_SRG_V1R2_Manual-xccdf.xml.gz",
        "U_Kubernetes_STIG_V1R2_Manual-xccdf.xml",
        "rhel-7-v3r8-mini-sample-xxcdf.xml",
    ],
)
def test_a_benchmark_is_no_result(name: str) -> None:
    """What to look at is not what was found."""
    with pytest.raises(EvidenceInvalid, match="holds no results"):
        _read(f"benchmarks/{name}")


def test_other_files_are_refused_by_name() -> None:
    """Content of a scanner and settings of an image are no results."""
    with pytest.raises(FormatRefused, match="SCAP data stream"):
        _read("benchmarks/ssg-chainguard-gpos-ds.xml.gz")
    for name in ("add_with_arg_statement", "apk_cache", "apt_update_upgrade", "multi_add", "nginx", "root_default"):
        with pytest.raises(FormatRefused, match="image configuration"):
            _read(f"dockle/config-{name}.json")


def test_overrides_of_a_checklist_never_lower() -> None:
    """STIG Viewer's severity overrides stay visible, and only the one that raises has an effect."""
    [report] = _read("ckl/small_ckl_overrides.ckl").stig
    changed = {item.term: (item.override, item.category) for item in report.results if item.override}
    assert len(changed) == 3
    assert changed["V-257777"] == ("severity made medium: Testing both N/A and overidden", "1")


def test_ssg_rules_are_joined_by_reference() -> None:
    """The Ubuntu STIG's V-ids come from references of its rules, since results of SSG content name none."""
    [report] = _read("oscap/deb12-vs-ubuntu2204-stig.xccdf.xml.gz").stig
    found = next(item for item in report.results if item.rule == "disable_ctrlaltdel_reboot")
    assert (found.term, found.cci, found.category) == ("V-260469", ("CCI-000366", "CCI-002235"), "1")
