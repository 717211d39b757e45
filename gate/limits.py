"""Every bound in one frozen place (invariant 8). Units are in the names."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from gate.errors import ConfigError

_MOST = 2**53
_MOST_SECONDS = 10**9
"""Beyond these a limit is a mistake, and more than the operating system's own calls can take."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what the gate reads, keeps in memory and waits for."""

    document_bytes: int = 256 * 1024 * 1024
    """One evidence document, after decompression."""
    manifest_bytes: int = 4 * 1024 * 1024
    """One OCI manifest or index."""
    config_bytes: int = 8 * 1024 * 1024
    """One image configuration."""
    bundle_bytes: int = 48 * 1024 * 1024
    """One signature bundle or DSSE envelope."""
    policy_file_bytes: int = 4 * 1024 * 1024
    """One policy, waiver or profile file."""
    policy_bundle_bytes: int = 64 * 1024 * 1024
    """All files of one policy pack."""
    policy_bundle_files: int = 10_000
    json_depth: int = 500
    """Nesting of a JSON document."""
    findings: int = 1_000_000
    components: int = 2_000_000
    evidence_documents: int = 2_000
    """Documents of one subject, files and referrers together."""
    referrers: int = 1_000
    """Referrers, or legacy tag layers, of one digest."""
    platforms: int = 64
    """Children of one index."""
    archive_members: int = 200_000
    """Entries in a tarball that is looked through."""
    archive_bytes: int = 32 * 1024 * 1024 * 1024
    """One tarball, after decompression."""
    image_entries: int = 500_000
    """Files, directories and links in all layers of one image together, implied directories included."""
    image_bytes: int = 32 * 1024 * 1024 * 1024
    """One layer of an image, after decompression."""
    image_kept_bytes: int = 128 * 1024 * 1024
    """Names and contents of files of one image that are kept in memory together."""
    unpacked_bytes: int = 8 * 1024 * 1024 * 1024
    """Contents of one image on disk, where a scanner needs its files (`--scan stig`)."""
    attachment_bytes: int = 1024 * 1024 * 1024
    """All attachments of one digest together."""
    log_entries: int = 32
    """Transparency log entries, and timestamps, in one bundle."""
    engine_seconds: float = 60.0
    """One OPA evaluation."""
    engine_memory_bytes: int = 4 * 1024 * 1024 * 1024
    """GOMEMLIMIT of the OPA child."""
    engine_output_bytes: int = 512 * 1024 * 1024
    http_seconds: float = 30.0
    """One HTTP exchange, without the body."""
    http_retries: int = 3
    """Further tries after the first, for idempotent requests only."""
    tool_seconds: float = 600.0
    """One scanner or SBOM run."""
    workers: int = 8
    """Concurrent evidence downloads."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Limits:
        """Defaults, with ``GATE_LIMIT_<NAME>`` overriding each; raises ConfigError on a value that is no positive number."""
        env = os.environ if environment is None else environment
        changes: dict[str, float] = {}
        for field in dataclasses.fields(cls):
            text = env.get(f"GATE_LIMIT_{field.name.upper()}")
            if text is None:
                continue
            try:
                value = float(text) if isinstance(field.default, float) else int(text)
            except ValueError:
                value = 0
            most = _MOST_SECONDS if isinstance(field.default, float) else _MOST
            if not 0 < value <= most:
                raise ConfigError(
                    f"GATE_LIMIT_{field.name.upper()} is {text!r}",
                    why=f"a limit is a number above zero, and at most {most}",
                    fix=f"unset it to use the default, {field.default}",
                )
            changes[field.name] = value
        return dataclasses.replace(cls(), **changes)  # type: ignore[arg-type]  # each value has its field's type by construction


DEFAULT = Limits()
