"""Small images made in memory, and ways to put them into a layout, a tarball or a registry. Tests only."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def digest_of(data: bytes) -> str:
    """sha256 digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encode(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


@dataclasses.dataclass(frozen=True)
class Built:
    """A manifest or index with all that it needs."""

    data: bytes
    media_type: str
    blobs: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    children: tuple[Built, ...] = ()
    platform: Mapping[str, str] | None = None
    artifact_type: str = ""
    config_digest: str = ""

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.data)

    def descriptor(self, **more: Any) -> dict[str, Any]:
        """The OCI descriptor, with further fields."""
        value = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}
        if self.platform is not None:
            value["platform"] = dict(self.platform)
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        return {**value, **more}


def image(
    platform: str = "linux/amd64",
    *,
    config: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    with_platform: bool = True,
    seed: str = "",
    **more: Any,
) -> Built:
    """An image of one layer (random enough by ``seed``); ``config`` updates the configuration, ``more`` the manifest."""
    layer = f"layer of {platform} {seed}".encode()
    parts = platform.split("/")
    body: dict[str, Any] = {
        "os": parts[0],
        "architecture": parts[1],
        "created": "2026-01-02T03:04:05Z",
        "config": {"User": "65532", "Env": ["PATH=/bin"], "Entrypoint": ["/app"], "Labels": {"team": "x"}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(b"diff" + layer)]},
        "history": [{"created": "2026-01-02T03:04:05Z", "created_by": "COPY app /"}],
    }
    if len(parts) == 3:
        body["variant"] = parts[2]
    body.update(config or {})
    data = encode(body)
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(data), "size": len(data)},
        "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
    }
    if annotations:
        value["annotations"] = dict(annotations)
    value.update(more)
    names = dict(zip(("os", "architecture", "variant"), parts, strict=False)) if with_platform else None
    return Built(encode(value), OCI_MANIFEST, {digest_of(data): data, digest_of(layer): layer}, (), names, "", digest_of(data))


def index(
    children: Iterable[Built], *, annotations: Mapping[str, str] | None = None, entries: Iterable[dict[str, Any]] = ()
) -> Built:
    """An index of the children, and of further descriptors."""
    inner = tuple(children)
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [child.descriptor() for child in inner] + list(entries),
    }
    if annotations:
        value["annotations"] = dict(annotations)
    return Built(encode(value), OCI_INDEX, {}, inner)


def referrer(
    subject: Built | str, data: bytes, artifact_type: str = BUNDLE, *, annotations: Mapping[str, str] | None = None
) -> Built:
    """A manifest with one layer that refers to the subject, as cosign v3 writes it."""
    target = subject if isinstance(subject, str) else subject.digest
    size = 1 if isinstance(subject, str) else len(subject.data)
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": {"mediaType": OCI_EMPTY, "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": artifact_type, "digest": digest_of(data), "size": len(data)}],
        "subject": {"mediaType": OCI_MANIFEST, "digest": target, "size": size},
        "annotations": dict(annotations or {}),
    }
    return Built(encode(value), OCI_MANIFEST, {digest_of(b"{}"): b"{}", digest_of(data): data}, (), None, artifact_type)


def legacy(layers: Iterable[tuple[str, bytes, Mapping[str, str]]]) -> Built:
    """What cosign up to v2 pushes under ``sha256-….sig`` or ``.att``: layers of (media type, bytes, annotations)."""
    listed = list(layers)
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": m, "digest": digest_of(d), "size": len(d), "annotations": dict(a)} for m, d, a in listed],
    }
    return Built(encode(value), OCI_MANIFEST, {digest_of(b"{}"): b"{}", **{digest_of(d): d for _, d, _ in listed}})


def write_layout(root: Path, entries: Iterable[tuple[Built, Mapping[str, str]]], *, beside: Iterable[Built] = ()) -> Path:
    """An image layout: entries of ``index.json`` with their annotations, and manifests that lie beside without being listed."""
    files = layout_files(entries, beside=beside)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def layout_files(entries: Iterable[tuple[Built, Mapping[str, str]]], *, beside: Iterable[Built] = ()) -> dict[str, bytes]:
    """The files of a layout by name."""
    listed = list(entries)
    files = {"oci-layout": encode({"imageLayoutVersion": "1.0.0"})}
    manifests = []
    for built, hints in listed:
        manifests.append(built.descriptor(**({"annotations": dict(hints)} if hints else {})))
    files["index.json"] = encode({"schemaVersion": 2, "manifests": manifests})
    for built in _all([*(built for built, _ in listed), *beside]):
        for digest, data in {built.digest: built.data, **built.blobs}.items():
            files[f"blobs/{digest.replace(':', '/')}"] = data
    return files


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    """A tarball of the files (``mode`` "w" or "w:gz")."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def docker_save_files(built: Built, tags: Iterable[str] = ("app:1",)) -> dict[str, bytes]:
    """What an old `docker save` writes for an image."""
    config = built.blobs[built.config_digest]
    name = built.config_digest.removeprefix("sha256:")
    entry = {"Config": f"{name}.json", "RepoTags": list(tags), "Layers": [f"{name}/layer.tar"]}
    return {f"{name}.json": config, f"{name}/layer.tar": b"layer", "manifest.json": encode([entry])}


def push(host: str, repository: str, built: Built, tag: str = "", *, headers: Mapping[str, str] | None = None) -> str:
    """Puts an image and all that it needs into a registry over plain HTTP; returns its digest."""
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        for item in _all([built]):
            for digest, data in item.blobs.items():
                location = _request(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", headers, 202)["location"]
                path = "/" + location.split("/", 3)[3] if "://" in location else location
                _request(connection, "PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", data, headers, 201)
            name = tag if item is built and tag else item.digest
            kind = {"content-type": item.media_type, **(headers or {})}
            _request(connection, "PUT", f"/v2/{repository}/manifests/{name}", item.data, kind, 201)
    finally:
        connection.close()
    return built.digest


def _request(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str] | None, expected: int
) -> dict[str, str]:
    connection.request(method, path, body=body, headers={"content-type": "application/octet-stream", **(headers or {})})
    response = connection.getresponse()
    text = response.read()
    if response.status != expected:
        raise AssertionError(f"{method} {path}: {response.status} {text[:300]!r}")
    return {name.lower(): value for name, value in response.getheaders()}


def _all(built: Iterable[Built]) -> list[Built]:
    """Children before their index."""
    found: list[Built] = []
    for item in built:
        found += [*_all(item.children), item]
    return found
