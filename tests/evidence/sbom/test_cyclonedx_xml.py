"""CycloneDX XML gives the facts that the same BOM gives as JSON, and nothing that makes XML dangerous acts."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import Reading
from gate.evidence.sbom.cyclonedx import VERSIONS
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT, Limits
from tests.evidence.sbom.make import codes, facts
from tests.tools import tool
from tests.vex import corpus

XML = """<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="2">
  <metadata>
    <timestamp>2025-01-01T01:00:00+01:00</timestamp>
    <lifecycles><lifecycle><phase>build</phase></lifecycle></lifecycles>
    <tools><components><component type="application"><name>syft</name><version>1.51.0</version></component></components></tools>
    <authors><author><name>Us</name><email>us@example.com</email></author></authors>
    <component type="container" bom-ref="root"><name>app</name><version>sha256:DIGEST</version>
      <properties><property name="aquasecurity:trivy:ImageID">sha256:CONFIG</property></properties></component>
    <supplier><name>Supplier</name><url>https://a.example</url><url>https://b.example</url></supplier>
  </metadata>
  <components>
    <component type="library" bom-ref="a">
      <supplier><name>Them</name></supplier><group>g</group><name>a</name><version>1</version>
      <hashes><hash alg="SHA-256">HASH</hash><hash alg="SHA-1">nohex</hash></hashes>
      <licenses><license><id>MIT</id><text>long <![CDATA[<text>]]></text></license><license><name>Own</name></license></licenses>
      <purl>pkg:npm/g/a@1</purl>
      <components><component type="library" bom-ref="b"><name>b&amp;c</name><version>2</version>
        <licenses><expression>MIT OR Apache-2.0</expression></licenses><purl>pkg:npm/b@2</purl></component></components>
    </component>
    <component type="file" bom-ref="f"><name>/etc/f</name></component>
    <component type="cryptographic-asset" bom-ref="k"><name>AES</name>
      <cryptoProperties><assetType>algorithm</assetType><algorithmProperties><primitive>ae</primitive>
        <parameterSetIdentifier>128</parameterSetIdentifier><mode>gcm</mode><certificationLevel>fips140-3-l1</certificationLevel>
        <cryptoFunctions><cryptoFunction>keygen</cryptoFunction></cryptoFunctions></algorithmProperties></cryptoProperties>
      <evidence><occurrences><occurrence bom-ref="o">
        <location>/usr/lib/a.so</location></occurrence></occurrences></evidence></component>
  </components>
  <services><service bom-ref="s"><name>x</name>
    <services><service bom-ref="t"><name>y</name></service></services></service></services>
  <dependencies>
    <dependency ref="root"><dependency ref="a"/></dependency>
    <dependency ref="a"><dependency ref="b"/><dependency ref="gone"/></dependency>
    <dependency ref="b"/>
  </dependencies>
  <compositions><composition><aggregate>complete</aggregate>
    <assemblies><assembly ref="root"/></assemblies></composition></compositions>
  <annotations><annotation>
    <components><component type="library"><name>not one</name></component></components></annotation></annotations>
  VULNERABILITIES
</bom>
"""
VULNERABILITIES = """<vulnerabilities><vulnerability bom-ref="v"><id>CVE-2024-0001</id>
  <source><name>NVD</name></source><references><reference><id>GHSA-aaaa-bbbb-cccc</id></reference></references>
  <analysis><state>not_affected</state><justification>code_not_reachable</justification>
  <responses><response>will_not_fix</response></responses>
  <detail>never called</detail><lastUpdated>2025-01-02T00:00:00Z</lastUpdated></analysis>
  <affects><target><ref>a</ref><versions><version><version>1</version><status>unaffected</status></version></versions></target></affects>
</vulnerability></vulnerabilities>"""
JSON = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 2,
    "metadata": {
        "timestamp": "2025-01-01T01:00:00+01:00",
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"type": "application", "name": "syft", "version": "1.51.0"}]},
        "authors": [{"name": "Us", "email": "us@example.com"}],
        "component": {
            "type": "container",
            "bom-ref": "root",
            "name": "app",
            "version": "sha256:DIGEST",
            "properties": [{"name": "aquasecurity:trivy:ImageID", "value": "sha256:CONFIG"}],
        },
        "supplier": {"name": "Supplier", "url": ["https://a.example", "https://b.example"]},
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "a",
            "supplier": {"name": "Them"},
            "group": "g",
            "name": "a",
            "version": "1",
            "hashes": [{"alg": "SHA-256", "content": "HASH"}, {"alg": "SHA-1", "content": "nohex"}],
            "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}],
            "purl": "pkg:npm/g/a@1",
            "components": [
                {
                    "type": "library",
                    "bom-ref": "b",
                    "name": "b&c",
                    "version": "2",
                    "licenses": [{"expression": "MIT OR Apache-2.0"}],
                    "purl": "pkg:npm/b@2",
                }
            ],
        },
        {"type": "file", "bom-ref": "f", "name": "/etc/f"},
        {
            "type": "cryptographic-asset",
            "bom-ref": "k",
            "name": "AES",
            "cryptoProperties": {
                "assetType": "algorithm",
                "algorithmProperties": {
                    "primitive": "ae",
                    "parameterSetIdentifier": "128",
                    "mode": "gcm",
                    "certificationLevel": ["fips140-3-l1"],
                    "cryptoFunctions": ["keygen"],
                },
            },
            "evidence": {"occurrences": [{"bom-ref": "o", "location": "/usr/lib/a.so"}]},
        },
    ],
    "services": [{"bom-ref": "s", "name": "x", "services": [{"bom-ref": "t", "name": "y"}]}],
    "dependencies": [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": ["b", "gone"]}, {"ref": "b"}],
    "compositions": [{"aggregate": "complete", "assemblies": ["root"]}],
}
ANALYSED = [
    {
        "bom-ref": "v",
        "id": "CVE-2024-0001",
        "source": {"name": "NVD"},
        "references": [{"id": "GHSA-aaaa-bbbb-cccc"}],
        "analysis": {
            "state": "not_affected",
            "justification": "code_not_reachable",
            "response": ["will_not_fix"],
            "detail": "never called",
            "lastUpdated": "2025-01-02T00:00:00Z",
        },
        "affects": [{"ref": "a", "versions": [{"version": "1", "status": "unaffected"}]}],
    }
]


def _read(data: bytes | str, limits: Limits = DEFAULT) -> Reading:
    given = data.encode() if isinstance(data, str) else data
    return read_payload(given, media_type="", predicate_type=None, predicate=None, limits=limits)


def _filled(text: str) -> str:
    return text.replace("DIGEST", "a" * 64).replace("CONFIG", "b" * 64).replace("HASH", "c" * 64)


def _xml(vulnerabilities: str = "", version: str = "1.6") -> str:
    return _filled(XML).replace("VULNERABILITIES", vulnerabilities).replace("bom/1.6", f"bom/{version}")


@pytest.mark.parametrize("version", VERSIONS)
def test_one_bom_gives_the_same_facts_in_both_forms(version: str) -> None:
    """Components, graph, completeness, cryptography, names, times and diagnostics are equal, whatever the version."""
    given = json.loads(_filled(json.dumps(JSON))) | {"specVersion": version}
    assert _read(_xml(version=version)) == _read(json.dumps(given))


def test_analyses_are_statements_in_both_forms() -> None:
    """VEX inside an SBOM, and VEX alone."""
    given = json.loads(_filled(json.dumps(JSON)))
    for components in (True, False):
        text = _xml(VULNERABILITIES)
        body = given | {"vulnerabilities": ANALYSED}
        if not components:
            text = re.sub(
                r"<components>\s*<component type=\"library\" bom-ref=\"a\">.*</components>\s*<services>",
                "<services>",
                text,
                flags=re.S,
            )
            body = {key: value for key, value in body.items() if key != "components"}
        found, expected = _read(text), _read(json.dumps(body))
        assert found == expected
        assert found.vex is not None and len(found.vex.statements) == 1


def test_a_tools_own_xml_and_json_are_one(tmp_path: Path) -> None:
    """syft writes a real SBOM of 610 components in both forms; only the serial number and the clock differ."""
    given = tmp_path / "given.json"
    given.write_bytes(corpus.document("cyclonedx/plone_syft-0.96_v1.5.json"))
    names = [tmp_path / "out.json", tmp_path / "out.xml"]
    outputs = [part for form, name in zip(("json", "xml"), names, strict=True) for part in ("-o", f"cyclonedx-{form}@1.5={name}")]
    run = subprocess.run(
        [str(tool("syft")), "convert", str(given), *outputs],
        env={"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    serial = re.compile(rb"urn:uuid:[0-9a-f-]{36}")
    stamp = re.compile(rb"(timestamp\"?[>:] ?\"?)\d{4}-[^\"<]+")
    found, expected = (
        _read(stamp.sub(rb"\g<1>2025-01-01T00:00:00Z", serial.sub(b"urn:x", n.read_bytes()))) for n in reversed(names)
    )
    assert found == expected
    assert facts(found).components == 610


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        (
            _xml().replace("<bom ", '<!DOCTYPE bom [<!ENTITY e SYSTEM "file:///etc/passwd">]><bom '),
            EvidenceInvalid,
            "document type",
        ),
        (_xml().replace("</bom>", ""), EvidenceInvalid, "not XML"),
        (_xml().replace("<metadata>", "<metadata/><metadata>"), EvidenceInvalid, "more than one element metadata"),
        (_xml().replace("<services>", "<components/><services>"), EvidenceInvalid, "more than one element components"),
        (_xml().replace("<purl>", "<purl>pkg:npm/x@1</purl><purl>"), EvidenceInvalid, "more than one purl"),
        (_xml(version="1.1"), FormatRefused, r"CycloneDX XML 1\.1"),
        (_xml(version="2.0"), FormatRefused, r"CycloneDX XML 2\.0"),
        (_xml().replace("http://cyclonedx.org/schema", "http://elsewhere"), FormatRefused, "without its namespace"),
        (
            _xml().replace("<bom ", '<x:bom xmlns:x="http://elsewhere" ').replace("</bom>", "</x:bom>"),
            EvidenceInvalid,
            "no element bom",
        ),
        ('<bom xmlns="http://cyclonedx.org/schema/bom/1.6">' + "<components><component>" * 300, LimitExceeded, "json_depth"),
    ],
)
def test_what_is_not_read(text: str, error: type[GateError], what: str) -> None:
    """Document types, cut ends, elements that stand twice, other versions and namespaces, and depth."""
    with pytest.raises(error, match=what):
        _read(text)


def test_bounds_and_emptiness() -> None:
    """Components are bounded while they pass by; a BOM without any has none, and says so."""
    with pytest.raises(LimitExceeded, match="components"):
        _read(_xml(), Limits(components=2))
    empty = _read('<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components/></bom>')
    assert facts(empty).components == 0
    assert codes(empty) == {"no_root": 1}


def test_a_statement_may_hold_it_as_text() -> None:
    """The predicate of `https://cyclonedx.org/bom` may be a string of XML."""
    kind = "https://cyclonedx.org/bom/v1.6"
    data = json.dumps({"predicateType": kind, "predicate": _xml()}).encode()
    found = read_payload(data, media_type="", predicate_type=kind, predicate=_xml(), limits=DEFAULT)
    assert found == _read(_xml())
