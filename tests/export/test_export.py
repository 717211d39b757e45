"""What `gate export` makes admits a good summary and nothing else: in Kyverno, in policy-controller, and in OPA."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.errors import ConfigError
from gate.export import gatekeeper, kyverno, policy_controller
from gate.export.demands import Demands, Identity
from gate.sign.signer import LocalSigner
from tests.e2e.gate import Gate
from tests.fakes.docker_registry import docker_registry
from tests.integrations.summaries import POLICY, VERIFIER, Shop, ago
from tests.tools import tool

PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
GOOD = Demands(
    name="policy-gate",
    repository="registry.example/shop/app",
    keys=(PEM,),
    identities=(),
    verifier_id=VERIFIER,
    resource_uri="oci://registry.example/shop/app",
    policy_digest=POLICY,
    max_age_s=86400,
    levels=("SLSA_BUILD_LEVEL_2",),
)


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": ()},
        {"repository": "registry.example/shop/*"},
        {"repository": "registry.example"},
        {"repository": "registry.example/shop/app:1"},
        {"repository": "*"},
        {"repository": ""},
        {"repository": "acme/app"},
        {"verifier_id": ""},
        {"verifier_id": "*"},
        {"verifier_id": "https://acme.example/*"},
        {"verifier_id": "https://acme.example/{{ verifier.id }}"},
        {"resource_uri": 'oci://a" == "a'},
        {"resource_uri": "oci://a\nb"},
        {"resource_uri": "oci://?"},
        {"policy_digest": "sha256:*"},
        {"policy_digest": ""},
        {"max_age_s": 0},
        {"max_age_s": -1},
        {"levels": ("FAILED",)},
        {"levels": ("",)},
        {"levels": ("SLSA_*",)},
        {"name": "a\nb"},
    ],
)
def test_demands_that_would_let_something_through_are_refused(changed: dict[str, Any]) -> None:
    """Nobody trusted, a pattern for a name, a value that means something in the other language: ConfigError."""
    with pytest.raises(ConfigError):
        dataclasses.replace(GOOD, **changed)


@pytest.mark.parametrize(
    ("identity", "issuer", "regexp"),
    [
        ("https://github.com/acme/*", "https://i.example", False),
        ("a@b?", "https://i.example", False),
        ("{{ request.x }}", "https://i.example", False),
        ("a@acme.example", "*", False),
        ("a@acme.example", "", False),
        (".*", "https://i.example", True),
        (".+@.+|x", "https://i.example", True),
        ("acme{{ x }}", "https://i.example", True),
        ("acme", "https://*", True),
    ],
)
def test_identities_that_a_target_would_widen_are_refused(identity: str, issuer: str, regexp: bool) -> None:
    """Kyverno's wildcards and variables, and patterns that match everybody."""
    with pytest.raises(ConfigError):
        Identity(identity, issuer, regexp)


def test_only_the_key_that_the_gate_reads_is_exported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A second key in the file, which Kyverno would accept too, is refused or left out."""
    from gate.__main__ import run

    first, second = _other_key(), _other_key()
    (tmp_path / "two.pub").write_text(first + second)
    demands = ("--policy-digest", POLICY, "--verifier-id", VERIFIER, "--repository", "registry.example/app", "--max-age", "1")
    code = run(["export", "kyverno", "--key", str(tmp_path / "two.pub"), *demands])
    assert code == 2 or second.splitlines()[1] not in capfd.readouterr().out


@pytest.mark.parametrize("age", ["nan", "inf", "-1", "0", "1e400"])
@pytest.mark.parametrize(
    "command", [("export", "kyverno", "--repository", "registry.example/app"), ("verify-vsa", "x", "--digest", POLICY)]
)
def test_an_age_that_bounds_nothing_is_refused(command: tuple[str, ...], age: str, capfd: pytest.CaptureFixture[str]) -> None:
    """`nan` is a float, and nothing is older than it: exit 2, before anything else."""
    from gate.__main__ import run

    demands = ["--policy-digest", POLICY, "--verifier-id", VERIFIER, "--resource-uri", "oci://x", "--max-age", age]
    assert run([*command, *demands]) == 2
    assert "max-age" in capfd.readouterr().err


def test_gatekeeper_without_a_provider_is_refused() -> None:
    """It would look at names only."""
    with pytest.raises(ConfigError, match="cannot read attestations"):
        gatekeeper.render(GOOD, "", "")


def test_a_pattern_of_an_identity_matches_as_a_whole() -> None:
    """The targets search for a pattern anywhere; the gate does not."""
    found = dataclasses.replace(GOOD, identities=(Identity("https://a/.*|https://b/.*", "https://i", regexp=True),))
    for render in (kyverno.render, policy_controller.render):
        assert "subjectRegExp: ^(?:https://a/.*|https://b/.*)$" in render(found, "").text


def _statement(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Shop.statement(None, f"registry.example/shop/app@sha256:{'a' * 64}"))  # type: ignore[arg-type]
    made["predicate"].update(changed)
    return made


CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "good": ({}, True),
    "higher level": ({"verifiedLevels": ["SLSA_BUILD_LEVEL_3", "X"]}, True),
    "ahead within skew": ({"timeVerified": ago(-0.05)}, True),
    "failed": ({"verificationResult": "FAILED"}, False),
    "contradicts itself": ({"verifiedLevels": ["SLSA_BUILD_LEVEL_3", "FAILED"]}, False),
    "lower level": ({"verifiedLevels": ["SLSA_BUILD_LEVEL_1"]}, False),
    "no level": ({"verifiedLevels": []}, False),
    "other track": ({"verifiedLevels": ["SLSA_SOURCE_LEVEL_3"]}, False),
    "other verifier": ({"verifier": {"id": VERIFIER + "/other"}}, False),
    "other resource": ({"resourceUri": "oci://registry.example/shop/app2"}, False),
    "other policy": ({"policy": {"digest": {"sha256": "0" * 64}}}, False),
    "old": ({"timeVerified": ago(25)}, False),
    "from the future": ({"timeVerified": ago(-1)}, False),
    "no time": ({"timeVerified": "yesterday"}, False),
    "no verifier": ({"verifier": None}, False),
    "no policy": ({"policy": {}}, False),
    "no levels": ({"verifiedLevels": None}, False),
}


def _evaluate(folder: Path, module: str, query: str, inputs: dict[str, Any], *flags: str) -> Any:
    """One query over all cases, with OPA."""
    (folder / "policy.rego").write_text(module)
    (folder / "cases.json").write_text(json.dumps({"cases": inputs}))
    command = [
        str(tool("opa")),
        "eval",
        "--format=json",
        *flags,
        "-d",
        str(folder / "policy.rego"),
        "-i",
        str(folder / "cases.json"),
        query,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


@pytest.mark.parametrize("flags", [(), ("--v0-compatible",)])
def test_the_rego_admits_what_the_gate_admits(flags: tuple[str, ...], tmp_path: Path) -> None:
    """Each demand on its own refuses, and so does each missing member; in old and new Rego."""
    inputs = {name: _statement(**changed) for name, (changed, _) in CASES.items()}
    inputs["other type"] = {**_statement(), "predicateType": "https://slsa.dev/provenance/v1"}
    inputs["nothing"] = {}
    query = "{name: ok | statement := input.cases[name]; ok := data.sigstore.isCompliant with input as statement}"
    found = _evaluate(tmp_path, policy_controller.rego(GOOD), query, inputs, *flags)
    assert found == {name: name in CASES and CASES[name][1] for name in inputs}


def test_gatekeepers_rego_admits_only_what_its_provider_vouches_for(tmp_path: Path) -> None:
    """A Pod is refused when any of its images is not by digest, not vouched for, or vouched for with something else."""
    image = f"registry.example/shop/app@sha256:{'a' * 64}"
    said = {"verified": True, "subject": f"sha256:{'a' * 64}", "verificationResult": "PASSED", "verifierId": VERIFIER}
    said |= {"resourceUri": "oci://registry.example/shop/app", "policyDigest": POLICY, "timeVerified": ago(1)}
    said |= {"verifiedLevels": ["SLSA_BUILD_LEVEL_3"]}

    def answer(**changed: Any) -> dict[str, Any]:
        return {"status_code": 200, "system_error": "", "errors": [], "responses": [[image, {**said, **changed}]]}

    def case(answered: Any, *images: str, kind: str = "containers") -> dict[str, Any]:
        containers = {"containers": [], kind: [{"image": name} for name in images]}
        return {"answer": answered, "review": {"object": {"spec": containers}}}

    cases = {
        "good": case(answer(), image),
        "not ours": case({}, "registry.example/other/app:1"),
        "a longer name": case({}, "registry.example/shop/app-2:1"),
        "tag": case(answer(), "registry.example/shop/app:1"),
        "no tag": case(answer(), "registry.example/shop/app"),
        "init": case({}, image, kind="initContainers"),
        "ephemeral": case({}, image, kind="ephemeralContainers"),
        "second": case(answer(), image, "registry.example/shop/app:1"),
        "no answer": case({}, image),
        "system error": case({**answer(), "system_error": "down"}, image),
        "error": case({**answer(), "errors": [[image, "x"]]}, image),
        "status": case({**answer(), "status_code": 500}, image),
        **{name: case(answer(**{name: "x"}), image) for name in said},
        "old": case(answer(timeVerified=ago(25)), image),
        "future": case(answer(timeVerified=ago(-1)), image),
    }
    capabilities = json.loads(
        subprocess.run([str(tool("opa")), "capabilities", "--current"], capture_output=True, check=True).stdout
    )
    capabilities["builtins"].append(
        {"name": "external_data", "decl": {"type": "function", "args": [{"type": "any"}], "result": {"type": "any"}}}
    )
    (tmp_path / "capabilities.json").write_text(json.dumps(capabilities))
    module = gatekeeper.rego(GOOD, "sums").replace("external_data({", "answered({")
    module += "answered(_) = input.answer { true }\n"
    query = "{name: count(found) | c := input.cases[name]; found := data.policygate.violation with input as c}"
    found = _evaluate(tmp_path, module, query, cases, "--v0-compatible")
    assert {name for name, count in found.items() if count == 0} == {"good", "not ours", "a longer name"}
    hub = gatekeeper.rego(dataclasses.replace(GOOD, repository="docker.io/library/app"), "sums")
    spelt = ("app", "library/app:1", "docker.io/app", "index.docker.io/library/app:1", "docker.io/library/app@sha256:1")
    inputs = {name: case({}, name) for name in (*spelt, "acme/app", "app2", "registry.example/library/app")}
    module = hub.replace("external_data({", "answered({") + "answered(_) = input.answer { true }\n"
    found = _evaluate(tmp_path, module, query, inputs, "--v0-compatible")
    assert {name for name, count in found.items() if count} == set(spelt)
    (tmp_path / "template.rego").write_text(gatekeeper.rego(GOOD, "sums"))
    check = [str(tool("opa")), "check", "--v0-compatible", "--strict", "--capabilities", str(tmp_path / "capabilities.json")]
    done = subprocess.run([*check, str(tmp_path / "template.rego")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with docker_registry(folder) as host:
        yield Shop(folder, host)


VARIANTS: dict[str, Callable[[Demands], Demands]] = {
    "good": lambda demands: demands,
    "other-verifier": lambda demands: dataclasses.replace(demands, verifier_id="https://x.example"),
    "other-resource": lambda demands: dataclasses.replace(demands, resource_uri="oci://x.example/app"),
    "other-policy": lambda demands: dataclasses.replace(demands, policy_digest=f"sha256:{'0' * 64}"),
    "too-old": lambda demands: dataclasses.replace(demands, max_age_s=3600),
    "other-level": lambda demands: dataclasses.replace(demands, levels=("SLSA_BUILD_LEVEL_4",)),
    "other-key": lambda demands: dataclasses.replace(demands, keys=(_other_key(),)),
}


def _other_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec

    return LocalSigner(ec.generate_private_key(ec.SECP256R1()), "other").public_key.pem.decode()


def _demands(shop: Shop, image: str) -> Demands:
    name = image.partition("@")[0]
    return dataclasses.replace(
        GOOD, repository=name, resource_uri=f"oci://{name}", keys=(shop.public.read_text(),), levels=("SLSA_BUILD_LEVEL_2",)
    )


def _kyverno(folder: Path, images: list[str], policies: dict[str, Demands]) -> set[str]:
    """Names of the policies that admit a Pod with the images. Where one refuses, Kyverno calls the image unverified for all."""
    paths = []
    for name, demands in policies.items():
        paths.append(folder / f"{name}.yaml")
        paths[-1].write_text(kyverno.render(dataclasses.replace(demands, name=name), "").text)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod"},
        "spec": {"containers": [{"name": f"c{n}", "image": i} for n, i in enumerate(images)]},
    }
    (folder / "pod.yaml").write_text(yaml.safe_dump(pod))
    command = [str(tool("kyverno")), "apply", *map(str, paths), "--resource", str(folder / "pod.yaml"), "--registry"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "HOME": str(folder)}
    )
    assert "Skipped" not in done.stdout and "Invalid" not in done.stdout and "error: 0" in done.stdout, done.stdout + done.stderr
    refused = set(
        re.findall(r"policy ([\w-]+) -> resource \S+ failed:\s+1 - \S+ image attestations verification failed", done.stdout)
    )
    assert (done.returncode != 0) == bool(refused), done.stdout
    return set(policies) - refused


def test_kyverno_admits_only_the_good(shop: Shop, tmp_path: Path) -> None:
    """The Kyverno program itself, with the image in a registry: each demand on its own refuses."""
    tool("kyverno")
    image, future, failed, bare = (shop.push(f"kyverno/{name}") for name in ("good", "future", "failed", "bare"))
    shop.attach(image, shop.statement(image), legacy=True)
    shop.attach(future, shop.statement(future, hours=-1), legacy=True)
    shop.attach(failed, shop.statement(failed, verifiedLevels=["FAILED", "SLSA_BUILD_LEVEL_3"]), legacy=True)
    shop.attach(bare, shop.statement(image), legacy=True)  # about another image
    demands = _demands(shop, image)
    assert _kyverno(tmp_path, [image], {name: change(demands) for name, change in VARIANTS.items()}) == {"good"}
    assert _kyverno(tmp_path, [image, image.partition("@")[0] + ":1"], {"good": demands}) == {"good"}
    others = {"future": future, "failed": failed, "bare": bare}
    assert _kyverno(tmp_path, [*others.values()], {name: _demands(shop, other) for name, other in others.items()}) == set()


def test_policy_controller_admits_only_the_good(shop: Shop, tmp_path: Path) -> None:
    """policy-controller's tester, with the image in a registry."""
    tester = tool("policy-tester")
    image, bare = shop.push("controller/good"), shop.push("controller/bare")
    shop.attach(image, shop.statement(image), legacy=True)
    shop.attach(bare, shop.statement(image), legacy=True)
    admitted = set()
    for name, change in {**VARIANTS, "bare": VARIANTS["good"]}.items():
        subject = bare if name == "bare" else image
        (tmp_path / "policy.yaml").write_text(policy_controller.render(change(_demands(shop, subject)), "").text)
        command = [str(tester), "-policy", str(tmp_path / "policy.yaml"), "-image", subject]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={"HOME": str(tmp_path)})
        assert done.returncode in (0, 1) and "was successfully validated" in done.stderr, done.stderr
        admitted |= {name} if done.returncode == 0 else set()
    assert admitted == {"good"}


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gate:
    return Gate(tmp_path, monkeypatch, capfd)


def test_the_policy_file_gives_the_digest_that_ci_signs(gate: Gate, tmp_path: Path) -> None:
    """`gate export` and `gate verify` under the same policy file work out the same policy digest: they cannot drift apart."""
    from tests import samples
    from tests.e2e.gate import AGES

    params = ", ".join(f"{value.split('=')[0]}: {value.split('=')[1]}" for value in AGES[1::2])
    policy = gate.folder / "security-policy.yaml"
    key = samples.public_key()
    policy.write_text(
        f"schema: gate.policy/v1\nenvironments: {{prod: {{profile: prod, params: {{{params}}}}}}}\n"
        f'trust: {{entries: [{{name: build, roles: ["*"], key: {key}}}]}}\n'
    )
    verified = gate.verify(f"oci:{samples.layout('clean')}", "--policy-file", policy, ages=())
    common = ("--key", key, "--verifier-id", VERIFIER, "--repository", "registry.example/app", "--max-age", "24")
    for target in ("kyverno", "policy-controller"):
        made = gate("export", target, "--policy-file", policy, *common)
        assert made.code == 0 and "warning:" in made.err, made.err
        assert verified.outcome["digests"]["policy"] in made.out
    assert gate("export", "kyverno", *common).code == 2
    assert gate("export", "gatekeeper", "--policy-digest", POLICY, *common).code == 2
    assert gate("export", "kyverno", "--policy-digest", POLICY, *common[2:]).code == 2
