"""CSAF 2.0 and 2.1: what a product id stands for, which statement it gets, and what the resolver makes of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.limits import Limits
from gate.model.findings import Finding
from gate.model.input import ImageConfig, VexFacts
from gate.vex import csaf
from gate.vex.document import VexDocument
from gate.vex.resolve import VexSource, resolve
from tests.factory import NOW, subject
from tests.vex import corpus
from tests.vex.fuzz import patient
from tests.vex.make import CVE, SIGNED, finding

VENDOR = "Example Security"
BASH = "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64"
FOUND = "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&distro=rhel-9.4"


def product(identity: str, **helper: Any) -> dict[str, Any]:
    return {"product_id": identity, "name": identity, "product_identification_helper": helper}


def tree(**changes: Any) -> dict[str, Any]:
    """RHEL 9 with bash in it."""
    made = {
        "branches": [
            {
                "category": "vendor",
                "name": "Red Hat",
                "branches": [
                    {
                        "category": "product_name",
                        "name": "RHEL 9",
                        "product": product("rhel9", cpe="cpe:/o:redhat:enterprise_linux:9"),
                    },
                    {"category": "product_version", "name": "bash", "product": product("bash", purl=BASH)},
                ],
            }
        ],
        "relationships": [
            {
                "category": "default_component_of",
                "product_reference": "bash",
                "relates_to_product_reference": "rhel9",
                "full_product_name": {"product_id": "rhel9:bash", "name": "bash of RHEL 9"},
            }
        ],
    }
    return made | changes


def vulnerability(
    status: str = "known_not_affected", products: tuple[str, ...] = ("rhel9:bash",), **changes: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"cve": CVE, "product_status": {status: list(products)}}
    if status == "known_not_affected":
        made["flags"] = [{"label": "vulnerable_code_not_present", "product_ids": list(products)}]
    return made | changes


def body(*vulnerabilities: Any, version: str = "2.0", products: Any = None, **head: Any) -> dict[str, Any]:
    made = {
        "category": "csaf_vex",
        "csaf_version": version,
        "publisher": {"category": "vendor", "name": VENDOR, "namespace": "https://example.com"},
        "tracking": {"id": "EX-1", "status": "final", "version": "1", "current_release_date": "2025-01-02T00:00:00Z"},
    }
    return {
        "document": made | head,
        "product_tree": tree() if products is None else products,
        "vulnerabilities": list(vulnerabilities) or [vulnerability()],
    }


def read(*vulnerabilities: Any, **changes: Any) -> VexDocument:
    return csaf.read(json.dumps(body(*vulnerabilities, **changes)).encode())


def outcome(document: VexDocument, *found: Finding, distro: str = "", **image: Any) -> tuple[VexFacts, list[str]]:
    """The status of each finding, with ``*`` where it suppresses; empty where nothing is said."""
    findings = found or (finding(purl=FOUND, version="5.1.8-9.el9"),)
    facts, applied = resolve(
        [VexSource("sha256:x", document, SIGNED)],
        findings,
        subject(**image),
        authors=[document.author],
        require_signed=True,
        now=NOW,
        distro=distro,
    )
    held = [applied.get(item.key) for item in findings]
    return facts, [f"{item.status}{'*' * item.counts}" if item else "" for item in held]


def codes(document: VexDocument) -> dict[str, int]:
    return {note.code: note.count for note in document.diagnostics}


def rpm(name: str, version: str, distro: str = "", **qualifiers: str) -> Finding:
    pairs = {"arch": "x86_64"} | ({"distro": distro} if distro else {}) | qualifiers
    url = f"pkg:rpm/redhat/{name}@{version}?" + "&".join(f"{key}={value}" for key, value in pairs.items())
    return finding(CVE, url, version=version)


def test_a_relationship_is_followed_to_its_component_and_platform() -> None:
    """The status names a combined id; the purl is the component's, and the platform's CPE has to cover the image."""
    found = read()
    assert found.statements[0].products[0].platforms == ("cpe:/o:redhat:enterprise_linux:9",)
    assert outcome(found)[1] == ["not_affected*"]
    assert (found.author, found.author_names, found.id) == (VENDOR, ("https://example.com",), "https://example.com#EX-1")


@pytest.mark.parametrize(
    ("distro", "expected"),
    [("rhel-9.4", "not_affected*"), ("redhat-9", "not_affected*"), ("rhel-8.10", ""), ("debian-9", "")],
)
def test_the_platform_is_compared_with_the_distribution(distro: str, expected: str) -> None:
    """el9 is not el8, and RHEL is not Debian."""
    assert outcome(read(), rpm("bash", "5.1.8-9.el9", distro))[1] == [expected]


def test_without_a_qualifier_the_scan_or_the_build_tells_the_distribution() -> None:
    """trivy may leave the distro out: the scan's word counts, then the .el9 of the release; what says nothing does not match."""
    bare = rpm("bash", "5.1.8-9.el9")
    assert outcome(read(), bare)[1] == ["not_affected*"]
    assert outcome(read(), bare, distro="redhat 8.7")[1] == [""]
    assert outcome(read(), bare, distro="rhel 9.2")[1] == ["not_affected*"]
    untold = tree()
    untold["branches"][0]["branches"][1]["product"] = product("bash", purl="pkg:rpm/redhat/bash@5.1.8-9?arch=x86_64")
    assert outcome(read(products=untold), rpm("bash", "5.1.8-9"))[1] == [""]


@pytest.mark.parametrize("helper", [{"cpe": "cpe:/a:redhat:openshift:3.11"}, {"cpe": "cpe:broken"}, {"skus": ["1"]}, {}])
def test_a_platform_that_cannot_be_told_does_not_suppress(helper: dict[str, Any]) -> None:
    """A platform without a distribution keeps a suppressing statement out, and lets one that does not suppress in."""
    products = tree()
    products["branches"][0]["branches"][0]["product"] = product("rhel9", **helper)
    assert outcome(read(products=products))[1] == [""]
    assert outcome(read(vulnerability("known_affected"), products=products))[1] == ["affected"]


def test_an_image_may_say_which_product_it_is() -> None:
    """The label ``cpe`` of Red Hat's images names layered products that no distribution tells."""
    products = tree()
    products["branches"][0]["branches"][0]["product"] = product("rhel9", cpe="cpe:/a:redhat:openshift:3.11")
    config = ImageConfig(
        user="", env=(), entrypoint=(), cmd=(), exposed_ports=(), volumes=(), created=None, history=(), diff_ids=(),
        labels={"cpe": "cpe:/a:redhat:openshift:3.11::el7"},
    )  # fmt: skip
    assert outcome(read(products=products), config=config)[1] == ["not_affected*"]


def test_csaf_2_1_has_paths_and_lists_of_purls() -> None:
    """product_paths replace relationships and purls replace purl; the outcome is the same."""
    products = tree(
        relationships=[],
        product_paths=[
            {
                "beginning_product_reference": "bash",
                "subpaths": [{"category": "installed_on", "next_product_reference": "rhel9"}],
                "full_product_name": {"product_id": "rhel9:bash", "name": "x"},
            }
        ],
    )
    products["branches"][0]["branches"][1]["product"] = product("bash", purls=["pkg:rpm/redhat/other@1", BASH])
    found = read(products=products, version="2.1")
    assert (found.spec_version, outcome(found)[1]) == ("2.1", ["not_affected*"])
    unknown = read(vulnerability("unknown"), products=products, version="2.1")
    assert outcome(unknown)[1] == ["under_investigation"]


def test_a_module_stream_between_component_and_platform() -> None:
    """Component of a module, which is a component of the platform: two relationships, one chain."""
    products = tree()
    products["full_product_names"] = [product("nodejs:18", purl="pkg:rpmmod/redhat/nodejs@18")]
    outer = {"category": "default_component_of", "product_reference": "nodejs:18", "relates_to_product_reference": "rhel9"}
    inner = {"category": "default_component_of", "product_reference": "bash", "relates_to_product_reference": "rhel9:nodejs:18"}
    products["relationships"] = [
        outer | {"full_product_name": {"product_id": "rhel9:nodejs:18", "name": "m"}},
        inner | {"full_product_name": {"product_id": "rhel9:nodejs:18:bash", "name": "b"}},
    ]
    found = read(vulnerability(products=("rhel9:nodejs:18:bash",)), products=products)
    assert found.statements[0].products[0].platforms == ("cpe:/o:redhat:enterprise_linux:9",)
    assert outcome(found)[1] == ["not_affected*"]
    assert outcome(found, rpm("bash", "5.1.8-9.el9", "rhel-8.6"))[1] == [""]
    products["branches"][0]["branches"][1]["product"] = product("bash", purl="pkg:rpm/redhat/bash")
    unversioned = vulnerability(products=("rhel9:nodejs:18:bash",))
    assert outcome(read(unversioned, products=products))[1] == [""], "it may come from another stream"


def test_an_unversioned_source_package_covers_what_was_built_from_it() -> None:
    """Red Hat names unfixed components as ``pkg:rpm/redhat/x?arch=src``: their binary packages, by the source that they name."""
    products = tree()
    products["branches"][0]["branches"][1]["product"] = product("bash", purl="pkg:rpm/redhat/bash?arch=src")
    built = rpm("bash-doc", "5.1.8-9.el9", "rhel-9.4", upstream="bash-5.1.8-9.el9.src.rpm")
    other = rpm("bash", "2-1", "rhel-9.4", upstream="zsh-2-1.src.rpm")
    plain = rpm("bash", "5.1.8-9.el9", "rhel-9.4")
    assert outcome(read(products=products), built, other, plain)[1] == ["not_affected*", "", "not_affected*"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"flags": []}, False),
        ({"flags": [{"label": "we_think_so", "product_ids": ["rhel9:bash"]}]}, False),
        ({"flags": [{"label": "component_not_present", "product_ids": ["rhel9:other"]}]}, False),
        ({"flags": [{"label": "component_not_present", "group_ids": ["all"]}]}, True),
        ({"flags": [{"label": "component_not_present", "group_ids": ["none"]}]}, False),
        ({"flags": [], "threats": [{"category": "impact", "details": "not built", "product_ids": ["rhel9:bash"]}]}, True),
        ({"flags": [], "threats": [{"category": "impact", "details": "not built", "product_ids": ["rhel9:zsh"]}]}, False),
        ({"flags": [], "threats": [{"category": "impact", "details": "not built"}]}, True),
        ({"flags": [], "threats": [{"category": "impact", "details": "Important"}]}, False),
        ({"flags": [], "threats": [{"category": "exploit_status", "details": "none known"}]}, False),
    ],
)
def test_not_affected_needs_a_flag_or_an_impact_for_the_product(changes: dict[str, Any], expected: bool) -> None:
    """Profile 4.5, with product groups resolved; a severity word is no impact statement."""
    products = tree(product_groups=[{"group_id": "all", "product_ids": ["rhel9:bash"]}])
    assert outcome(read(vulnerability(**changes), products=products))[1] == [
        "not_affected*" if expected else "",
    ]


def test_what_to_do_is_taken_from_remediations() -> None:
    """The vendor's fix before a workaround, with its address."""
    remedies = [
        {"category": "workaround", "details": "turn it off", "product_ids": ["rhel9:bash"]},
        {"category": "vendor_fix", "details": "install 5.2", "url": "https://example.com/e", "product_ids": ["rhel9:bash"]},
    ]
    found = read(vulnerability("known_affected", remediations=remedies))
    assert found.statements[0].action == "install 5.2 https://example.com/e"


def test_the_least_favourable_of_several_statuses_holds() -> None:
    """Test 6.1.6 forbids a product in two statuses; such a document does not suppress."""
    status = {"known_not_affected": ["rhel9:bash"], "fixed": ["rhel9:bash"], "known_affected": ["rhel9:bash"]}
    found = read(vulnerability(product_status=status))
    assert outcome(found)[1] == ["affected"]
    assert codes(found)["contradicting_status"] == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("fixed", "fixed*"),
        ("first_fixed", "fixed*"),
        ("known_affected", "affected"),
        ("first_affected", "affected"),
        ("last_affected", "affected"),
        ("under_investigation", "under_investigation"),
        ("cured", "under_investigation"),
        ("recommended", ""),
    ],
)
def test_statuses(status: str, expected: str) -> None:
    """Each of CSAF's statuses; an unknown one does not suppress, and a recommended version is no status."""
    assert outcome(read(vulnerability(status)))[1] == [expected]


@pytest.mark.parametrize(
    ("span", "version", "expected"),
    [
        ("vers:rpm/<5.2", "5.1.8-9.el9", "not_affected*"),
        ("vers:rpm/>=5.2", "5.1.8-9.el9", ""),
        ("vers:martian/<5.2", "5.1.8-9.el9", ""),
        ("< 5.2", "5.1.8-9.el9", ""),
    ],
)
def test_version_ranges(span: str, version: str, expected: str) -> None:
    """A product_version_range narrows the purl below it; one that nobody can decide does not suppress."""
    products = tree()
    branch = {"category": "product_version_range", "name": span, "product": product("bash", purl="pkg:rpm/redhat/bash")}
    products["branches"][0]["branches"][1] = branch
    assert outcome(read(products=products), rpm("bash", version, "rhel-9.4"))[1] == [expected]
    affected = outcome(read(vulnerability("known_affected"), products=products), rpm("bash", version, "rhel-9.4"))[1]
    assert affected == (["affected"] if expected or ("5.2" in span and ">=" not in span) else [""])


@pytest.mark.parametrize(
    ("category", "name", "purl", "expected"),
    [
        ("product_version_range", "vers:rpm/<5.1.8-9", "pkg:rpm/redhat/bash", ""),
        ("product_version_range", "vers:rpm/<5.2", "pkg:rpm/redhat/bash", "not_affected*"),
        ("product_version_range", "<5.2", "pkg:rpm/redhat/bash", ""),
        ("product_version_range", "", "pkg:rpm/redhat/bash", ""),
        ("product_version", "4.4.20-1", "pkg:rpm/redhat/bash", ""),
        ("product_version", "5.1.8-9", "pkg:rpm/redhat/bash", "not_affected*"),
        ("product_version", "9.0.1", "pkg:rpm/redhat/bash@5.1.8-9", "not_affected*"),
        ("product_version", "bash", "pkg:rpm/redhat/bash", "not_affected*"),
        ("product_version", "389-ds-base", "pkg:rpm/redhat/bash", "not_affected*"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_versions_that_branches_name_narrow_all_below(category: str, name: str, purl: str, expected: str, nested: bool) -> None:
    """A purl without version below a branch that names one is not every version, also with a branch in between."""
    products = tree()
    below: dict[str, Any] = {"product": product("bash", purl=purl)}
    if nested:
        below = {"branches": [{"category": "architecture", "name": "x86_64", **below}]}
    products["branches"][0]["branches"][1] = {"category": category, "name": name, **below}
    assert outcome(read(products=products), rpm("bash", "5.1.8-9", "rhel-9.4"))[1] == [expected]


def test_a_range_of_platforms_is_none_that_can_be_told() -> None:
    """A CPE below a range of the platform's versions does not say which of them it is."""
    products = tree()
    platform = {"product": product("rhel9", cpe="cpe:/o:redhat:enterprise_linux:9")}
    products["branches"][0]["branches"][0] = {"category": "product_version_range", "name": "vers:rpm/<9.2", **platform}
    assert outcome(read(products=products), rpm("bash", "5.1.8-9", "rhel-9.4"))[1] == [""]


def test_an_image_around_the_component() -> None:
    """A product with an OCI purl is the image; one with a hash is found by it."""
    hashed = {"hashes": [{"file_hashes": [{"algorithm": "sha256", "value": "A" * 64}]}]}
    for helper in ({"purl": "pkg:oci/app@sha256:" + "a" * 64}, hashed):
        products = tree()
        products["branches"][0]["branches"][0]["product"] = product("rhel9", **helper)
        assert outcome(read(products=products))[1] == ["not_affected*"]
        assert outcome(read(products=products), digest="sha256:" + "e" * 64)[1] == [""]


@pytest.mark.parametrize(("purl", "expected"), [("pkg:oci/app@sha256:" + "a" * 64, "not_affected*"), ("pkg:oci/app", "")])
def test_an_image_as_component_of_a_platform(purl: str, expected: str) -> None:
    """Its digest is certain whatever the platform is; its name on a platform is not."""
    products = tree()
    products["branches"][0]["branches"][1]["product"] = product("bash", purl=purl)
    assert outcome(read(products=products))[1] == [expected]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"products": tree(relationships=[])}, "unknown_product"),
        ({"products": {}}, "unknown_product"),
        ({"products": tree(full_product_names=[product("bash", purl="pkg:rpm/redhat/zsh")])}, "ambiguous_product"),
        ({"tracking": {"id": "x", "status": "draft", "version": "1", "current_release_date": "2025-01-02T00:00:00Z"}}, "draft"),
        ({"tracking": {"id": "x", "status": "final", "version": "1"}}, "without_time"),
        ({"tracking": {"id": "x", "status": "final", "version": "1", "current_release_date": "soon"}}, "bad_timestamp"),
    ],
)
def test_what_does_not_hold_together_does_not_suppress(changes: dict[str, Any], code: str) -> None:
    """Each malformation is a diagnostic, and the finding stays."""
    found = read(**changes)
    assert code in codes(found)
    assert outcome(found)[1] == [""]


def test_circles_end() -> None:
    """A product that is a component of itself stands for nothing."""
    relation = tree()["relationships"][0]
    circle = relation | {"product_reference": "rhel9:bash"}
    around = relation | {"relates_to_product_reference": "rhel9:bash"}
    for links in ([circle], [around]):
        found = read(products=tree(relationships=links))
        assert "circular_relationship" in codes(found)
        assert outcome(found)[1] == [""]


def test_what_is_no_vex_says_nothing() -> None:
    """No vulnerabilities, no status, no CVE: a diagnostic each; ids stand in for a CVE."""
    assert "without_vulnerabilities" in codes(csaf.read(json.dumps(body() | {"vulnerabilities": []}).encode()))
    assert "without_status" in codes(read({"cve": CVE}))
    nameless = read(vulnerability(cve=None))
    assert "without_cve" in codes(nameless)
    assert nameless.statements[0].problem
    assert outcome(read(vulnerability(cve=None, ids=[{"system_name": "x", "text": CVE}])))[1] == ["not_affected*"]
    assert "other_profile" in codes(read(category="csaf_security_advisory"))


def test_versions_of_a_document_have_an_order() -> None:
    """Integers and semantic versions (3.1.11); anything else is version 0."""
    versions = ["what", "1", "1.0.1", "1.2.0", "2", "10"]
    numbers = [
        read(tracking={"id": "x", "status": "final", "version": text, "current_release_date": "2025-01-02T00:00:00Z"}).version
        for text in versions
    ]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"document": {}}', b'{"document": {"csaf_version": 2.0}}'])
def test_what_is_no_document_is_invalid(data: bytes) -> None:
    """Wrong shapes at the top are refused as a whole."""
    with pytest.raises(EvidenceInvalid):
        csaf.read(data)


def test_other_versions_and_limits() -> None:
    """Another version is refused by name; products, size and depth are bounded."""
    with pytest.raises(FormatRefused, match=r"CSAF 2\.2"):
        read(version="2.2")
    data = json.dumps(body()).encode()
    for limits in (Limits(document_bytes=10), Limits(components=1), Limits(findings=0)):
        with pytest.raises(LimitExceeded):
            csaf.read(data, limits)
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"branches": [deep]}
    with pytest.raises(LimitExceeded):
        read(products=deep)


def test_what_could_multiply_is_bounded() -> None:
    """Groups named again and again, and components of components without end."""
    groups = {"product_groups": [{"group_id": "all", "product_ids": ["rhel9:bash"] * 100}]}
    flags = [{"label": "component_not_present", "group_ids": ["all"] * 100}]
    with pytest.raises(LimitExceeded, match="components"):
        csaf.read(json.dumps(body(vulnerability(flags=flags), products=tree(**groups))).encode(), Limits(components=5_000))
    relation = tree()["relationships"][0]
    chain = [
        relation | {"product_reference": f"p{number}", "full_product_name": {"product_id": f"p{number + 1}", "name": "x"}}
        for number in range(500)
    ]
    outer = [link | {"product_reference": "bash", "relates_to_product_reference": link["product_reference"]} for link in chain]
    for links in (chain, outer):
        found = read(vulnerability(products=("p500",)), products=tree(relationships=links, full_product_names=[product("p0")]))
        assert "circular_relationship" in codes(found)
        assert outcome(found)[1] == [""]


def test_many_reasons_are_told_apart_in_linear_time() -> None:
    """20,000 products, each with an impact statement of its own, are 20,000 statements with ids of their own."""
    names = [f"p{number}" for number in range(20_000)]
    products = tree(full_product_names=[product(name, purl=f"pkg:rpm/redhat/{name}@1") for name in names])
    threats = [{"category": "impact", "details": f"because {name}", "product_ids": [name]} for name in names]
    start = time.process_time()
    found = read(vulnerability(products=tuple(names), flags=[], threats=threats), products=products)
    assert time.process_time() - start < 5
    assert len({statement.id for statement in found.statements}) == 20_000


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["bash", "rhel9", "rhel9:bash", "2.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["branches", "product", "product_id", "cve", "product_status", "fixed", "flags"]), inner
        )
    ),
    max_leaves=8,
)


@patient
@given(_JSON, _JSON, _JSON)
def test_only_gate_errors_escape(head: Any, products: Any, vulnerabilities: Any) -> None:
    """Whatever has the wrong type where, the reader gives statements or an error of the gate."""
    made = body() | {"product_tree": products, "vulnerabilities": vulnerabilities}
    for document in (made, body() | {"vulnerabilities": [vulnerabilities]}, body(tracking=head, publisher=head)):
        try:
            found = csaf.read(json.dumps(document).encode())
        except GateError:
            continue
        outcome(found) if found.author else None


# --- real documents


def test_red_hats_cri_o_file_suppresses_exactly_what_it_names() -> None:
    """A fixed build, a component without the code, and their neighbours: another build, another release, an unnamed package."""
    found = csaf.read(corpus.document("csaf/rh_CVE-2024-5154_vex.json"))
    cve = "CVE-2024-5154"

    def one(name: str, version: str, distro: str) -> Finding:
        return finding(cve, f"pkg:rpm/redhat/{name}@{version}?arch=x86_64&distro={distro}", version=version)

    fixed = "1.25.5-21.2.rhaos4.12.gita3eb75f.el8"
    cases = [
        (one("cri-o", fixed, "rhel-8.6"), "fixed*"),
        (one("cri-o", fixed, "rhel-9.2"), "affected"),
        (one("cri-o", "1.25.5-1.rhaos4.12.el8", "rhel-8.6"), "affected"),
        (one("bpftool", "4.18.0-372.109.1.el8_6", "rhel-8.6"), "not_affected*"),
        (one("bpftool", "4.18.0-372.109.1.el8_6", "rhel-9.2"), ""),
        (one("bpftool", "4.18.0-372.108.1.el8_6", "rhel-8.6"), ""),
        (one("bash", "5.1.8-9.el9", "rhel-9.2"), ""),
    ]
    for case, expected in cases:
        assert outcome(found, case)[1] == [expected], case.package.purl


def test_the_products_of_the_file_suppress_themselves_and_nothing_else() -> None:
    """Each product of Red Hat's file as a finding on its platform: on the other release none of them."""
    found = csaf.read(corpus.document("csaf/rh_CVE-2024-5154_vex.json"))
    expected: dict[str, dict[str, tuple[Finding, str]]] = {"8.6": {}, "9.2": {}}
    for statement in found.statements:
        for item in statement.products:
            url = item.component.ids[0]
            if "arch=src" in url or not item.platforms[0].startswith("cpe:/a:redhat:openshift:4"):
                continue
            release = "9.2" if item.platforms[0].endswith("el9") else "8.6"
            made = finding("CVE-2024-5154", f"{url}&distro=rhel-{release}", version=url.partition("?")[0].rpartition("@")[2])
            expected[release][made.key] = made, f"{statement.status}*"
    for release, cases in expected.items():
        assert len(cases) > 50
        here = [made for made, _ in cases.values()]
        assert outcome(found, *here)[1] == [status for _, status in cases.values()]
        moved = [(one, one.package.purl.replace(f"rhel-{release}", "rhel-7.9")) for one in here]
        elsewhere = [finding(one.id, url, version=one.package.version) for one, url in moved]
        assert not [status for status in outcome(found, *elsewhere)[1] if status.endswith("*")]


def test_trivys_example_needs_the_product_around_the_package() -> None:
    """A relationship between two purls: the component counts only inside the product, which takes an SBOM to see."""
    found = csaf.read(corpus.document("csaf/trivy_relationships.json"))
    transitive = finding("CVE-2024-0001", "pkg:golang/github.com/aquasecurity/go-transitive@v4.0.0", version="v4.0.0")
    facts, held = outcome(found, transitive)
    assert held == [""]
    assert "needs an accepted SBOM" in facts.unmatched[0].detail


def test_23_megabytes_are_indexed_in_time() -> None:
    """Reading 22,677 products and resolving a finding takes well under two seconds, and the facts stay small."""
    data = corpus.document("csaf/rh_cve-2024-2961_vex_23MB.json.xz")
    start = time.process_time()
    found = csaf.read(data)
    glibc = finding(
        "CVE-2024-2961", "pkg:rpm/redhat/glibc@2.28-225.el8_8.11?arch=x86_64&distro=rhel-8.8", version="2.28-225.el8_8.11"
    )
    facts, held = outcome(found, glibc)
    assert time.process_time() - start < 2.0
    assert held == ["fixed*"]
    assert sum(len(statement.products) for statement in found.statements) == 22_677
    assert len(facts.statements_used) + len(facts.unmatched) == 3
