"""Writing an OCI image layout (image-spec "image-layout.md"): whole files by rename, one index, one lock.

Attachments lie among the blobs and not in ``index.json``, as `cosign save` writes them: a layout with one image stays one for
tools that want a single entry. Legacy tags are entries, for they are found by name only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gate.errors import EvidenceInvalid, StoreError, UsageError
from gate.limits import Limits
from gate.model.base import to_json
from gate.oci.attach import Attached
from gate.oci.media import OCI_INDEX, REF_NAME, Descriptor
from gate.oci.push import Opened
from gate.oci.strict import is_digest, parse_object


class LayoutWriter:
    """One layout directory, made when it does not exist; safe to use from many threads."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        with self._errors("creating it"):
            if path.is_dir() and not (path / "oci-layout").exists() and any(path.iterdir()):
                raise UsageError(
                    f"{path} holds other files and no image layout", fix="name a new or empty directory, or an image layout"
                )
            (path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            if not (path / "index.json").exists():
                self._write(path / "index.json", to_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}))
            if not (path / "oci-layout").exists():
                self._write(path / "oci-layout", to_json({"imageLayoutVersion": "1.0.0"}))

    def has(self, digest: str) -> bool:
        """Whether there is a file of that digest; its bytes are checked by whoever reads them."""
        with self._errors("looking"):
            return self._file(digest).is_file()

    def put_blob(self, digest: str, size: int, opened: Opened) -> bool:
        """Writes a blob while hashing it; False when it is there. Raises EvidenceInvalid for other bytes, StoreError."""
        target = self._file(digest)
        if self.has(digest):
            return False
        with self._errors(f"writing {digest}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.parent / f".{secrets.token_hex(8)}.part"
            try:
                hasher, length = hashlib.new(digest.partition(":")[0]), 0
                with temporary.open("xb") as file:
                    for piece in opened():
                        file.write(piece)
                        hasher.update(piece)
                        length += len(piece)
                    file.flush()
                    os.fsync(file.fileno())
                if length != size or hasher.hexdigest() != digest.partition(":")[2]:
                    raise EvidenceInvalid(f"blob {digest}: the bytes are not the ones asked for", why=f"{length} of {size} bytes")
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        return True

    def put_bytes(self, digest: str, data: bytes) -> bool:
        """`put_blob` for what is in memory."""
        return self.put_blob(digest, len(data), lambda: (data,))

    def attach(self, item: Attached) -> None:
        """Puts a referrer beside its subject."""
        for digest, data in item.blobs.items():
            self.put_bytes(digest, data)
        self.put_bytes(item.digest, item.data)

    def enter(self, found: Descriptor, tag: str | None, annotations: Mapping[str, str] | None = None) -> None:
        """Lists a manifest in ``index.json``; a tag moves from whatever had it."""
        entry: dict[str, Any] = {"mediaType": found.media_type, "digest": found.digest, "size": found.size}
        hints = {**(annotations or {}), **({REF_NAME: tag} if tag else {})}
        if hints:
            entry["annotations"] = hints
        with self._errors("writing index.json"), self._locked():
            index = parse_object((self.path / "index.json").read_bytes(), f"{self.path}/index.json", self._limits)
            listed = index.get("manifests")
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise EvidenceInvalid(f"{self.path}/index.json has no list of manifests")
            kept = [one for one in listed if one != entry and not (tag and (one.get("annotations") or {}).get(REF_NAME) == tag)]
            if not tag and any(one.get("digest") == found.digest for one in kept):
                return
            index["manifests"] = [*kept, entry]
            self._write(self.path / "index.json", to_json(index))

    def _file(self, digest: str) -> Path:
        if not is_digest(digest):
            raise EvidenceInvalid(f"{digest[:200]!r} is no digest")
        algorithm, _, value = digest.partition(":")
        return self.path / "blobs" / algorithm / value

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path / ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the layout {self.path}: {doing}: {error.strerror or error}", fix="check the path, its permissions and the space"
            ) from None
