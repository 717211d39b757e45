#!/usr/bin/env python3
"""Make the sample images as OCI layouts: the same sources give the same bytes (and so the same digests).

Call on a Debian machine: `python3 testdata/make_images.py FOLDER` writes FOLDER/images/{clean,vulnerable,multi,legacy}.
The packages and wheels come from the machine's ordinary registries through apt-get and pip, and are checked against sources.toml.
No image is ever run; what scanners read (dpkg status, dist-info, os-release) is what real packages put there.
"""

import base64
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CREATED = "2026-11-20T00:00:00Z"
EPOCH = 1795132800  # CREATED in seconds, the time of every file
SITE = "usr/lib/python3/dist-packages"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
REPOSITORY = "registry.example/shop"
REVISION = "4f0c1d2b8a6e97c35b1f0a4d2e8c6b7a9d3e5f10"


@dataclass
class Sample:
    """One image: Debian packages in the first layer, wheels in the second."""

    name: str
    debs: tuple[str, ...]
    wheels: tuple[str, ...]
    architecture: str = "amd64"
    labels: dict[str, str] = field(default_factory=dict)


BASE = ("base-files_12.4+deb12u15_amd64", "busybox-static_1:1.35.0-4+deb12u1+b1_amd64", "netbase_6.4_all")
CLEAN_WHEELS = ("idna==3.20", "packaging==26.3")
SAMPLES = (
    Sample("clean", BASE, CLEAN_WHEELS),
    Sample(
        "vulnerable",
        (*BASE, "zlib1g_1:1.2.13.dfsg-1_amd64"),
        ("idna==2.7", "jinja2==2.10", "paramiko==2.0.7", "requests==2.19.1", "urllib3==1.24.1"),
    ),
    Sample("legacy", ("base-files_12.4+deb12u15_amd64", "netbase_6.4_all"), CLEAN_WHEELS),
    Sample("multi", BASE, CLEAN_WHEELS),
    Sample("multi", tuple(name.replace("amd64", "arm64") for name in BASE), CLEAN_WHEELS, "arm64"),
)


class Layer:
    """A layer's files by path; the tar is written sorted, with one owner and one time."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def add(self, path: str, data: bytes = b"", *, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
        """Add one entry and, where missing, its folders."""
        parent = path.rpartition("/")[0]
        if parent and parent not in self.entries:
            self.add(parent, mode=0o755, kind=tarfile.DIRTYPE)
        info = tarfile.TarInfo(path)
        info.mode, info.type, info.linkname, info.size, info.mtime = mode, kind, link, len(data), EPOCH
        self.entries[path] = (info, data)

    def tar(self) -> bytes:
        """The layer's uncompressed bytes."""
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self.entries):
                info, data = self.entries[path]
                archive.addfile(info, io.BytesIO(data))
        return target.getvalue()


def _members(deb: bytes) -> dict[str, bytes]:
    """The members of an `ar` archive (deb(5)): a 60-byte header, then the bytes, padded to even."""
    if not deb.startswith(b"!<arch>\n"):
        raise ValueError("not an ar archive")
    members, at = {}, 8
    while at < len(deb):
        name, size = deb[at : at + 16].decode().strip().rstrip("/"), int(deb[at + 48 : at + 58])
        members[name] = deb[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    return members


def _tar_of(members: dict[str, bytes], stem: str) -> tarfile.TarFile:
    """The control or data archive of a package."""
    return tarfile.open(fileobj=io.BytesIO(lzma.decompress(members[f"{stem}.tar.xz"])))


def add_debs(layer: Layer, debs: Iterable[bytes]) -> None:
    """Unpack packages as dpkg would, with the status database; documentation but the licences is left out, as in slim images."""
    status = []
    for deb in debs:
        members, names = _members(deb), []
        with _tar_of(members, "data") as data:
            for entry in data:
                path = entry.name.removeprefix("./").rstrip("/")
                if not path or (path.startswith(("usr/share/doc/", "usr/share/man")) and not path.endswith("/copyright")):
                    continue
                names.append("/" + path)
                body = data.extractfile(entry).read() if entry.isreg() else b""  # type: ignore[union-attr]
                layer.add(path, body, mode=entry.mode, kind=entry.type, link=entry.linkname)
        with _tar_of(members, "control") as control:
            read = {e.name.removeprefix("./"): control.extractfile(e).read() for e in control if e.isreg()}  # type: ignore[union-attr]
        fields = read["control"].decode().strip()
        package, _, rest = fields.partition("\n")
        name = package.removeprefix("Package: ")
        status.append(f"{package}\nStatus: install ok installed\n{rest}\n")
        stem = f"var/lib/dpkg/info/{name}"
        layer.add(f"{stem}.list", ("/.\n" + "\n".join(names) + "\n").encode())
        if "md5sums" in read:
            layer.add(f"{stem}.md5sums", read["md5sums"])
    layer.add("var/lib/dpkg/status", "\n".join(status).encode())
    if "bin/busybox" in layer.entries:
        layer.add("bin/sh", kind=tarfile.SYMTYPE, link="busybox", mode=0o777)


def add_wheels(layer: Layer, wheels: Iterable[bytes]) -> None:
    """Install wheels as an installer would: files, and RECORD with an INSTALLER line."""
    for wheel in wheels:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            for item in archive.infolist():
                if item.is_dir():
                    continue
                data = archive.read(item)
                folder = item.filename.partition("/")[0]
                if item.filename.endswith(".dist-info/RECORD"):
                    digest = base64.urlsafe_b64encode(hashlib.sha256(b"pip\n").digest()).rstrip(b"=").decode()
                    data += f"{folder}/INSTALLER,sha256={digest},4\n".encode()
                    layer.add(f"{SITE}/{folder}/INSTALLER", b"pip\n")
                layer.add(f"{SITE}/{item.filename}", data)


class Layout:
    """An OCI image layout being written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Store the bytes and return their descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}

    def document(self, value: dict[str, Any], media_type: str, **more: Any) -> dict[str, Any]:
        """Store a JSON document and return its descriptor."""
        return self.blob(json.dumps(value, separators=(",", ":"), sort_keys=True).encode(), media_type, **more)

    def index(self, descriptors: list[dict[str, Any]]) -> None:
        """Write index.json."""
        value = {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}
        (self.folder / "index.json").write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def base_digest(tar: bytes, architecture: str) -> str:
    """The digest of the image that has only the first layer: what a build would have started FROM. It is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]}
        config = layout.document({"created": CREATED, "architecture": architecture, "os": "linux", "rootfs": rootfs}, CONFIG)
        layers = [layout.blob(gzip.compress(tar, mtime=0), LAYER)]
        digest: str = layout.document({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}, MANIFEST)[
            "digest"
        ]
        return digest


def write_image(layout: Layout, sample: Sample, files: dict[str, bytes]) -> dict[str, Any]:
    """Write one image and return its manifest's descriptor."""
    system, python = Layer(), Layer()
    add_debs(system, [files[name] for name in sample.debs])
    add_wheels(python, [files[name] for name in sample.wheels])
    system.add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532::/nonexistent:/bin/false\n")
    tars = [system.tar(), python.tar()]
    base = base_digest(tars[0], sample.architecture)
    layers = [layout.blob(gzip.compress(data, mtime=0), LAYER) for data in tars]
    labels = {
        "org.opencontainers.image.title": sample.name,
        "org.opencontainers.image.version": "1.4.2",
        "org.opencontainers.image.created": CREATED,
        "org.opencontainers.image.source": f"https://git.example/shop/{sample.name}",
        "org.opencontainers.image.revision": REVISION,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": f"{REPOSITORY}/base:12",
        "org.opencontainers.image.base.digest": base,
    }
    config = {
        "created": CREATED,
        "architecture": sample.architecture,
        "os": "linux",
        "config": {
            "User": "65532:65532",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1"],
            "Entrypoint": ["/bin/sh"],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in tars]},
        "history": [
            {"created": CREATED, "created_by": "COPY debian packages", "comment": "testdata/make_images.py"},
            {"created": CREATED, "created_by": "COPY python wheels", "comment": "testdata/make_images.py"},
        ],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": layout.document(config, CONFIG),
        "layers": layers,
        "annotations": {key: value for key, value in labels.items() if ".base." in key or key.endswith((".created", ".source"))},
    }
    return layout.document(manifest, MANIFEST, platform={"os": "linux", "architecture": sample.architecture})


def fetch(cache: Path) -> dict[str, bytes]:
    """Every source by its name in sources.toml, checked against its SHA-256."""
    wanted = tomllib.loads((HERE / "sources.toml").read_text())
    files: dict[str, bytes] = {}
    for architecture in ("amd64", "arm64"):
        packages = [n for n in wanted["deb"] if n.endswith((f"_{architecture}", "_all")) and n not in files]
        state = cache / architecture
        for folder in ("lists/partial", "archives/partial", "debs"):
            (state / folder).mkdir(parents=True, exist_ok=True)
        # A state folder of our own: the machine's lists and architectures stay as they are.
        options = [f"-oDir::State::Lists={state}/lists", f"-oDir::Cache={state}", f"-oAPT::Architecture={architecture}"]
        options += [f"-oAPT::Architectures={architecture}", "-oAPT::Sandbox::User="]
        if not any((state / "lists").glob("*Packages*")):
            subprocess.run(["apt-get", "-qq", *options, "update"], check=True)
        for name in packages:
            package, version, arch = name.split("_")
            path = state / "debs" / f"{package}_{version.replace(':', '%3a')}_{arch}.deb"
            if not path.exists():
                subprocess.run(["apt-get", "-qq", *options, "download", f"{package}={version}"], cwd=state / "debs", check=True)
            files[name] = path.read_bytes()
    for name in wanted["wheel"]:
        folder = cache / "wheels" / name
        if not list(folder.glob("*.whl")):
            pip = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--dest",
                str(folder),
                name,
            ]
            subprocess.run(pip, check=True)
        files[name] = next(folder.glob("*.whl")).read_bytes()
    for name, expected in {**wanted["deb"], **wanted["wheel"]}.items():
        actual = hashlib.sha256(files[name]).hexdigest()
        if actual != expected:
            raise SystemExit(f"{name} is sha256:{actual}, sources.toml has sha256:{expected or 'nothing'}")
    return files


def make(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Write all layouts below FOLDER and return their digests by name."""
    digests = {}
    for name in dict.fromkeys(sample.name for sample in SAMPLES):
        layout = Layout(folder / "images" / name)
        written = [write_image(layout, sample, files) for sample in SAMPLES if sample.name == name]
        if len(written) > 1:
            index = {
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": written,
                "annotations": {"org.opencontainers.image.created": CREATED},
            }
            written = [layout.document(index, INDEX)]
        layout.index([{**written[0], "annotations": {"org.opencontainers.image.ref.name": "1.4.2"}}])
        digests[name] = written[0]["digest"]
    return digests


def main() -> None:
    """Make everything below the folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_images.py FOLDER")
    cache = Path(tempfile.gettempdir()) / "gate-testdata-sources"
    for name, digest in make(Path(sys.argv[1]), fetch(cache)).items():
        print(name, digest)


if __name__ == "__main__":
    main()
