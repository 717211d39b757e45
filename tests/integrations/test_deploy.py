"""Before a deploy: the Jobs' own commands, with their own variables, against a registry that holds verification summaries."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.sign.signer import LocalSigner
from tests.fakes.docker_registry import docker_registry
from tests.integrations.summaries import POLICY, VERIFIER, Shop
from tests.integrations.systems import FOLDER, documents
from tests.tools import repository

JOBS = ("deploy/job.yaml", "deploy/argocd-presync.yaml")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with docker_registry(folder) as host:
        yield Shop(folder, host)


@dataclasses.dataclass(frozen=True)
class _Cluster:
    """What somebody fills into the manifests."""

    shop: Shop
    image: str
    verifier: str = VERIFIER
    policy: str = POLICY
    hours: str = "24"

    def run(self, manifest: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """The Job's command as the kubelet would start it: its variables, its config map, its mounts."""
        container = documents(manifest)[0]["spec"]["template"]["spec"]["containers"][0]
        given = {"GATE_VERIFIER_ID": self.verifier, "GATE_POLICY_DIGEST": self.policy, "GATE_MAX_AGE": self.hours}
        assert given.keys() | {"gate.pub"} == documents("deploy/trust.yaml")[0]["data"].keys()
        environ = {"PATH": f"{_programs(folder)}:/usr/bin:/bin", "PYTHONPATH": str(repository()), "TMPDIR": str(folder)}
        for entry in container["env"]:
            source = entry.get("valueFrom", {}).get("configMapKeyRef")
            environ[entry["name"]] = given[source["key"]] if source else entry["value"]
        environ |= {"GATE_IMAGE": self.image, "GATE_KEY": environ["GATE_KEY"].replace("/trust", str(self.shop.folder))}
        environ |= {"HOME": str(folder), "DOCKER_CONFIG": str(folder / "none")}
        return _run(container["command"], environ)


def _programs(folder: Path) -> Path:
    path = folder / "bin"
    path.mkdir(exist_ok=True)
    (path / "gate").write_text(f'#!/bin/sh\nexec {sys.executable} -m gate "$@"\n')
    (path / "gate").chmod(0o755)
    for name in ("gate-predeploy",):
        if not (path / name).exists():
            (path / name).symlink_to(FOLDER / name)
    return path


def _run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def good(shop: Shop) -> str:
    """An image with a summary of two hours ago."""
    image = shop.push("shop/good")
    shop.attach(image, shop.statement(image))
    return image


def test_one_good_summary_is_enough(shop: Shop, tmp_path: Path) -> None:
    """Beside a summary by another verifier under the same key, and an old one, the good one counts."""
    image = shop.push("shop/three")
    for statement in (shop.statement(image, verifier={"id": "https://x.example"}), shop.statement(image, hours=99)):
        shop.attach(image, statement)
    shop.attach(image, shop.statement(image))
    assert _Cluster(shop, image).run(JOBS[0], tmp_path).returncode == 0


@pytest.mark.parametrize("manifest", JOBS)
def test_a_good_image_is_let_through(manifest: str, shop: Shop, good: str, tmp_path: Path) -> None:
    """The Job ends in 0, and says for which digest."""
    done = _Cluster(shop, good).run(manifest, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"PASSED  {good.partition('@')[2]}" in done.stdout


def test_what_is_demanded_otherwise_is_refused(shop: Shop, good: str, tmp_path: Path) -> None:
    """Another verifier, another policy and a summary that is too old end in 1."""
    wrong: list[dict[str, Any]] = [{"verifier": "https://x.example"}, {"policy": f"sha256:{'0' * 64}"}, {"hours": "1"}]
    for change in wrong:
        done = dataclasses.replace(_Cluster(shop, good), **change).run(JOBS[0], tmp_path)
        assert done.returncode == 1, (change, done.stdout)


def test_a_tag_is_refused(shop: Shop, good: str, tmp_path: Path) -> None:
    """An image without a digest, a shortened digest or a digest of something else is a usage error: nothing is asked."""
    for image in (good.partition("@")[0] + ":1", good[:-1], good + "0", good.replace("sha256:", "sha512:"), good[:-1] + "$"):
        done = _Cluster(shop, image).run(JOBS[0], tmp_path)
        assert done.returncode == 2 and "not named by its digest" in done.stderr, image


def test_another_image_is_refused(shop: Shop, good: str, tmp_path: Path) -> None:
    """A digest without a summary, with another image's, or with one by a stranger beside one that says FAILED, does not pass."""
    bare, borrowed, refused = (shop.push(f"shop/{name}") for name in ("bare", "borrowed", "refused"))
    shop.attach(borrowed, shop.statement(good))
    shop.attach(refused, shop.statement(refused), signer=_stranger())
    shop.attach(refused, shop.statement(refused, verificationResult="FAILED", verifiedLevels=["FAILED"]))
    codes = [_Cluster(shop, image).run(JOBS[0], tmp_path).returncode for image in (bare, borrowed, refused)]
    assert codes == [3, 1, 1]


def test_every_image_has_to_pass(shop: Shop, good: str, tmp_path: Path) -> None:
    """A list of images does not pass when one of them does not, whatever the order; nor does an empty one."""
    bare = shop.push("shop/bare-2")
    for images, passes in (((good, bare), False), ((bare, good), False), (("\n",), False)):
        assert (_Cluster(shop, "\n".join(images)).run(JOBS[0], tmp_path).returncode == 0) is passes, images


def _stranger() -> LocalSigner:
    from cryptography.hazmat.primitives.asymmetric import ec

    return LocalSigner(ec.generate_private_key(ec.SECP256R1()), "stranger")


def test_the_shell_step_deploys_nothing_that_was_refused(shop: Shop, good: str, tmp_path: Path) -> None:
    """`kubectl` is called for an image that passed, and with its digest, and not otherwise."""
    kubectl = _programs(tmp_path) / "kubectl"
    kubectl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/deployed\n')
    kubectl.chmod(0o755)
    environ = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "PYTHONPATH": str(repository()), "HOME": str(tmp_path)}
    environ |= {"GATE_KEY": str(shop.public), "GATE_VERIFIER_ID": VERIFIER, "GATE_POLICY_DIGEST": POLICY}
    command = [str(FOLDER / "deploy/deploy.sh")]
    for age in ("1", "24"):
        assert not (tmp_path / "deployed").exists()
        _run(command, environ | {"GATE_IMAGE": good, "GATE_MAX_AGE": age})
    assert (tmp_path / "deployed").read_text() == f"set image deployment/app app={good}\n"


def test_a_demand_left_out_is_refused(shop: Shop, good: str, tmp_path: Path) -> None:
    """No variable has a default that would let something through."""
    full = {"GATE_IMAGE": good, "GATE_KEY": str(shop.public), "GATE_VERIFIER_ID": VERIFIER, "GATE_POLICY_DIGEST": POLICY}
    full |= {"GATE_MAX_AGE": "24", "PATH": f"{_programs(tmp_path)}:/usr/bin:/bin", "PYTHONPATH": str(repository())}
    command = ["gate-predeploy"]
    assert _run(command, {**full, "HOME": str(tmp_path)}).returncode == 0
    for name in [name for name in full if name.startswith("GATE_")]:
        assert _run(command, {**full, name: "", "HOME": str(tmp_path)}).returncode == 2, name


def test_the_jobs_are_as_tight_as_they_can_be() -> None:
    """No root, no writable root file system, no service-account token, no privilege, limits set; trust is mounted to read."""
    for manifest in JOBS:
        job = documents(manifest)[0]["spec"]
        pod, container = job["template"]["spec"], job["template"]["spec"]["containers"][0]
        assert job["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"memory", "cpu"} <= container["resources"]["limits"].keys()
        assert [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["tmp"]
        assert "@sha256:" in container["image"]
    assert documents(JOBS[1])[0]["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"


def test_the_manifests_satisfy_kubernetes_schemas() -> None:
    """Strictly: no field that Kubernetes does not know."""
    checker = Path(sys.executable).parent / "kubernetes-validate"
    if not checker.exists():
        pytest.skip("tool kubernetes-validate is not here (requirements/servers.txt)")
    files = [str(FOLDER / name) for name in (*JOBS, "deploy/trust.yaml")]
    done = _run([str(checker), "--strict", "--quiet", *files], dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load((FOLDER / "deploy/trust.yaml").read_text())["kind"] == "ConfigMap"
