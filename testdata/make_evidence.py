#!/usr/bin/env python3
"""Make everything under testdata/ from its sources with the real tools: images, SBOMs, reports, provenance, signatures.

Call as `make tools && make testdata`. Runs syft, grype and cosign against a Debian docker-registry on the loopback interface; the
signing key is made here and forgotten when the script ends, so only its public half is ever written. Nothing leaves the machine.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import make_grype_db
import make_images

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "policy-gate" / "tools" / "bin"
BUILDER = "https://builder.example/shop/v1"
BUNDLE = ("--new-bundle-format=true",)
LEGACY = ("--new-bundle-format=false",)
ACCEPT = ", ".join((make_images.MANIFEST, make_images.INDEX))


def run(*command: str, cwd: Path, **env: str) -> str:
    """Run one of the tools with a small environment and return what it printed."""
    program = CACHE / command[0]
    base = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "TZ": "UTC", **env}
    done = subprocess.run(
        [str(program), *command[1:]], cwd=cwd, env=base, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


class Registry:
    """The little of the distribution API that pushes a layout and reads tags back."""

    def __init__(self, host: str) -> None:
        self.host = host

    def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> tuple[bytes, dict[str, str]]:
        """One request; the body and the headers of the answer."""
        url = path if path.startswith("http") else f"http://{self.host}/v2/{path}"
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        request = urllib.request.Request(url, data=data, method=method, headers=names)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.read(), dict(answer.headers)

    def push(self, name: str, layout: Path) -> None:
        """Push every blob of the layout, then the manifests, children first."""
        root = json.loads((layout / "index.json").read_bytes())["manifests"][0]
        blobs = {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}
        manifests = [root]
        if root["mediaType"] == make_images.INDEX:
            manifests = [*json.loads(blobs[root["digest"][7:]])["manifests"], root]
        wanted = {item["digest"][7:]: item for item in manifests}
        for digest, data in blobs.items():
            if digest not in wanted:
                _, headers = self.call("POST", f"{name}/blobs/uploads/", b"")
                where = headers["Location"] + ("&" if "?" in headers["Location"] else "?") + f"digest=sha256:{digest}"
                self.call("PUT", where, data, Content_Type="application/octet-stream")
        for digest, item in wanted.items():
            self.call("PUT", f"{name}/manifests/sha256:{digest}", blobs[digest], Content_Type=item["mediaType"])

    def manifest(self, name: str, reference: str) -> tuple[bytes, str]:
        """A manifest's bytes and media type."""
        data, headers = self.call("GET", f"{name}/manifests/{reference}", Accept=ACCEPT)
        return data, headers["Content-Type"]

    def attached(self, name: str) -> list[str]:
        """The tags that cosign made: `sha256-…` (referrers), `….sig` and `….att`."""
        data, _ = self.call("GET", f"{name}/tags/list")
        return sorted(tag for tag in json.loads(data)["tags"] or [] if tag.startswith("sha256-"))


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """Debian's docker-registry on a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {"version": "0.1", "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}}, "http": {"addr": host}}
    (folder / "registry.yml").write_text(json.dumps(config))
    command = [str(CACHE / "docker-registry"), "serve", str(folder / "registry.yml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = Registry(host)
        for _ in range(100):
            try:
                client.call("GET", "")
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit("docker-registry does not answer")
        yield client
    finally:
        process.terminate()
        process.wait()


def provenance(name: str, version: str = "1.4.2") -> dict[str, Any]:
    """An SLSA v1 provenance predicate of the build that made the sample."""
    source = f"git+https://git.example/shop/{name}@refs/tags/v{version}"
    return {
        "buildDefinition": {
            "buildType": "https://builder.example/buildtypes/container/v1",
            "externalParameters": {"source": source, "target": "release"},
            "internalParameters": {"runner": "ephemeral"},
            "resolvedDependencies": [
                {"uri": source, "digest": {"gitCommit": make_images.REVISION}},
            ],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"builder": "1.0.0"}},
            "metadata": {
                "invocationId": f"https://builder.example/runs/{name}/1",
                "startedOn": make_images.CREATED,
                "finishedOn": make_images.CREATED.replace("00:00:00", "00:04:10"),
            },
        },
    }


def vulnerability_predicate(report: dict[str, Any]) -> dict[str, Any]:
    """The report in cosign's vulnerability predicate (specs/COSIGN_VULN_ATTESTATION_SPEC.md)."""
    when = report["descriptor"]["timestamp"]
    return {
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": BUILDER},
        "scanner": {
            "uri": "https://github.com/anchore/grype",
            "version": report["descriptor"]["version"],
            "db": {"uri": "", "version": report["descriptor"]["db"]["status"]["schemaVersion"]},
            "result": report,
        },
        "metadata": {"scanStartedOn": when, "scanFinishedOn": when},
    }


def scan(work: Path, name: str, platform: str, target: Path) -> None:
    """SBOMs by syft and a report by grype, of the layout's one image for the platform."""
    target.mkdir(parents=True)
    source = ["--platform", platform, f"oci-dir:{name}"]
    images = work / "images"
    where = f"../evidence/{target.name}"  # relative: the documents tell how they were called
    names = ["--source-name", f"{make_images.REPOSITORY}/{name}"]
    files = (("cyclonedx-json@1.6", "sbom.cdx.json"), ("spdx-json@2.3", "sbom.spdx.json"), ("syft-json", "sbom.syft.json"))
    outputs = [part for form, file in files for part in ("-o", f"{form}={where}/{file}")]
    run("syft", "scan", *source, *names, *outputs, "--quiet", cwd=images, SYFT_CHECK_FOR_APP_UPDATE="false")
    environ = {
        "GRYPE_DB_CACHE_DIR": "../db",
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_DB_VALIDATE_AGE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    }
    if not (work / "db").exists():
        run("grype", "db", "import", "../vulnerability-db.tar.gz", cwd=images, **environ)
    reports = ["-o", f"json={where}/grype.json", "-o", f"sarif={where}/grype.sarif"]
    run("grype", "--quiet", *reports, *source, cwd=images, **environ)
    (target / "provenance.json").write_text(json.dumps(provenance(name), indent=1) + "\n")
    for path in target.iterdir():
        document = json.loads(path.read_bytes())
        if path.name == "sbom.syft.json":
            document["descriptor"].pop("configuration", None)  # syft's settings: addresses that are nobody's business here
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


class Signer:
    """cosign with a key that lives as long as the script."""

    def __init__(self, work: Path, client: Registry) -> None:
        self.work, self.client = work, client
        run("cosign", "generate-key-pair", cwd=work, COSIGN_PASSWORD="")

    def _cosign(self, verb: str, *arguments: str, reference: str) -> None:
        common = ("--allow-http-registry", "--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false", "--yes")
        run("cosign", verb, *common, *arguments, reference, cwd=self.work, COSIGN_PASSWORD="")

    def sign(self, name: str, digest: str, form: tuple[str, ...]) -> None:
        """A signature of the digest, checked at once."""
        reference = f"{self.client.host}/{name}@{digest}"
        self._cosign("sign", *form, reference=reference)
        run(
            "cosign", "verify", "--allow-http-registry", "--key", "cosign.pub", "--insecure-ignore-tlog=true", *form, reference,
            cwd=self.work,
        )  # fmt: skip

    def attest(self, name: str, digest: str, kind: str, predicate: Path, form: tuple[str, ...]) -> None:
        """An attestation about the digest."""
        reference = f"{self.client.host}/{name}@{digest}"
        self._cosign("attest", *form, "--type", kind, "--predicate", str(predicate), reference=reference)


def attest_all(signer: Signer, name: str, digest: str, evidence: Path, form: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    """Attest the evidence of the kinds named."""
    vuln = signer.work / "vuln.json"
    vuln.write_text(json.dumps(vulnerability_predicate(json.loads((evidence / "grype.json").read_bytes()))))
    files = {
        "slsaprovenance1": evidence / "provenance.json",
        "cyclonedx": evidence / "sbom.cdx.json",
        "spdxjson": evidence / "sbom.spdx.json",
        "vuln": vuln,
    }
    for kind in kinds:
        signer.attest(name, digest, kind, files[kind], form)


def collect(client: Registry, name: str, layout: Path) -> None:
    """Write into the layout what cosign attached: referrers as manifests of the index, older forms under their tags."""
    index = json.loads((layout / "index.json").read_bytes())
    blobs = layout / "blobs" / "sha256"

    def keep(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return f"sha256:{digest}"

    for tag in client.attached(name):
        data, media_type = client.manifest(name, tag)
        if media_type == make_images.INDEX:  # the referrers fallback tag: its entries become entries of the layout
            found = [(entry, client.manifest(name, entry["digest"])[0]) for entry in json.loads(data)["manifests"]]
        else:
            entry = {"mediaType": media_type, "size": len(data), "annotations": {"org.opencontainers.image.ref.name": tag}}
            found = [(entry, data)]
        for entry, body in found:
            entry["digest"] = keep(body)
            manifest = json.loads(body)
            for blob in (manifest["config"], *manifest["layers"]):
                try:
                    keep(client.call("GET", f"{name}/blobs/{blob['digest']}")[0])
                except urllib.error.HTTPError as error:
                    raise SystemExit(f"{name}: {blob['digest']}: {error}") from error
            index["manifests"].append(entry)
    (layout / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Make everything in a temporary folder, then move it into place."""
    with tempfile.TemporaryDirectory(prefix="gate-testdata-") as temporary:
        work = Path(temporary)
        digests = make_images.make(work, make_images.fetch(Path(tempfile.gettempdir()) / "gate-testdata-sources"))
        advisories = make_grype_db.read()
        (work / "vulnerability-db.tar.gz").write_bytes(make_grype_db.archive(advisories))
        evidence, children = work / "evidence", {}
        for name in ("clean", "vulnerable", "legacy"):
            scan(work, name, "linux/amd64", evidence / name)
        for child in json.loads((work / "images" / "multi" / "blobs" / "sha256" / digests["multi"][7:]).read_bytes())[
            "manifests"
        ]:
            architecture = child["platform"]["architecture"]
            children[architecture] = child["digest"]
            scan(work, "multi", f"linux/{architecture}", evidence / f"multi-{architecture}")
        with registry(work) as client:
            signer = Signer(work, client)
            for name in digests:
                client.push(f"shop/{name}", work / "images" / name)
            for name, form in (("clean", BUNDLE), ("vulnerable", BUNDLE), ("legacy", LEGACY)):
                signer.sign(f"shop/{name}", digests[name], form)
                kinds = ("slsaprovenance1", "cyclonedx", "vuln") if name != "legacy" else ("slsaprovenance1", "spdxjson", "vuln")
                attest_all(signer, f"shop/{name}", digests[name], evidence / name, form, kinds)
            # The index carries signature and provenance, each platform its own SBOM and report.
            signer.sign("shop/multi", digests["multi"], BUNDLE)
            attest_all(signer, "shop/multi", digests["multi"], evidence / "multi-amd64", BUNDLE, ("slsaprovenance1",))
            for architecture, digest in children.items():
                attest_all(signer, "shop/multi", digest, evidence / f"multi-{architecture}", BUNDLE, ("cyclonedx", "vuln"))
            for name in digests:
                collect(client, f"shop/{name}", work / "images" / name)
        (work / "keys").mkdir()
        shutil.copy(work / "cosign.pub", work / "keys" / "cosign.pub")
        listing = {**digests, **{f"multi-{architecture}": digest for architecture, digest in children.items()}}
        for part in ("images", "evidence", "keys"):
            shutil.rmtree(HERE / part, ignore_errors=True)
            shutil.copytree(work / part, HERE / part)
        shutil.copy(work / "vulnerability-db.tar.gz", HERE / "grype-db" / "vulnerability-db.tar.gz")
        (HERE / "digests.json").write_text(json.dumps(listing, indent=1, sort_keys=True) + "\n")
    sys.stdout.write("testdata is new: run the tests, then commit images, evidence, keys, grype-db and digests.json together\n")


if __name__ == "__main__":
    main()
