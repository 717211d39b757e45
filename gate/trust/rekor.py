"""Transparency log entries: promised by a log (SET), or proven to be in it (inclusion proof and checkpoint)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import re
from typing import Final

from gate.trust import merkle
from gate.trust.material import InclusionProof, LogEntry, Version
from gate.trust.rejected import Rejected
from gate.trust.root import Log, TrustedRoot

_SIGNATURE_LINE: Final = re.compile(r"\u2014 (\S+) (\S+)")
_CHECKPOINT_CHARACTERS: Final = 64 * 1024
_KEY_HINT_BYTES: Final = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Logged:
    """A log entry that verified."""

    log: Log
    index: int
    """As the log signed or proved it."""
    integrated: datetime.datetime | None
    """When the log says it took the entry in; only from a verified SET (5)."""
    checks: tuple[str, ...]


def check_entry(entry: LogEntry, root: TrustedRoot, version: Version) -> Logged:
    """Raises Rejected unless a log of the root vouches for the entry, as strictly as the bundle's version demands."""
    logs = [log for log in root.tlogs if log.id == entry.log_id]
    if not logs:
        raise Rejected(
            "log_known",
            f"the log {entry.log_id.hex()[:16]}… is not in the trusted root. Logs are renewed (shards of Rekor v2 after months), "
            "so the root may be older than the signature: import it again (gate trust import). Or the signature is of another "
            "instance of Sigstore, whose root this entry does not name",
        )
    problem = Rejected("log_known", "unreachable")
    for log in logs:
        try:
            return _check_with(entry, log, version)
        except Rejected as error:
            problem = error
    raise problem


def _check_with(entry: LogEntry, log: Log, version: Version) -> Logged:
    checks: list[str] = []
    integrated: datetime.datetime | None = None
    index: int | None = None
    if entry.is_v2:
        # (13) nothing signs the outer index of Rekor v2, so it must repeat the one that is proven
        if entry.proof is None or entry.proof.checkpoint is None:
            raise Rejected("inclusion_proof", "a Rekor v2 entry without inclusion proof and checkpoint")
        if entry.log_index != entry.proof.log_index:
            raise Rejected("inclusion_proof", "the entry and its inclusion proof are at two indexes")
    elif entry.signed_entry_timestamp is not None:
        integrated = check_promise(entry, entry.signed_entry_timestamp, log)
        index = entry.log_index
        checks.append("signed_entry_timestamp")
    if entry.proof is not None:
        check_inclusion(entry.body, entry.proof)
        if entry.proof.checkpoint is not None:
            check_checkpoint(entry.proof, entry.proof.checkpoint, log)
            index = entry.proof.log_index if index is None else index
            checks += ["inclusion_proof", "checkpoint"]
    if version in ("0.2", "0.3") and "checkpoint" not in checks:
        raise Rejected("inclusion_proof", f"a v{version} bundle needs an inclusion proof with a checkpoint")
    if index is None:
        raise Rejected("log_entry", "neither a signed entry timestamp nor a proof with a checkpoint")
    return Logged(log=log, index=index, integrated=integrated, checks=tuple(checks))


def check_promise(entry: LogEntry, signature: bytes, log: Log) -> datetime.datetime:
    """The log signed RFC 8785 JSON of body, time, log id and index (rekor, signed entry timestamp)."""
    if entry.integrated_time is None:
        raise Rejected("signed_entry_timestamp", "it promises no time")
    # Base64, hex and whole numbers need no escaping, and the keys are sorted: this is the canonical form.
    body = base64.b64encode(entry.body).decode()
    message = (
        f'{{"body":"{body}","integratedTime":{entry.integrated_time},'
        f'"logID":"{entry.log_id.hex()}","logIndex":{entry.log_index}}}'
    )
    if not _verify(log, signature, message.encode()):
        raise Rejected("signed_entry_timestamp", "it is not by the log")
    try:
        integrated = datetime.datetime.fromtimestamp(entry.integrated_time, tz=datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Rejected("signed_entry_timestamp", f"its time is no date: {error}") from error
    if not log.validity.covers(integrated):
        raise Rejected("signed_entry_timestamp", "the log's key was not valid at its time")
    return integrated


def check_inclusion(body: bytes, proof: InclusionProof) -> None:
    """The body is in a tree with that size and root (RFC 9162 2.1.3.2)."""
    root = merkle.root_from_proof(proof.log_index, proof.tree_size, merkle.leaf_hash(body), proof.hashes)
    if root is None or root != proof.root_hash:
        raise Rejected("inclusion_proof", "the hashes do not lead to the root")


def check_checkpoint(proof: InclusionProof, checkpoint: str, log: Log) -> None:
    """The log signed that size and root (C2SP tlog-checkpoint, signed-note).

    All lines with the log's key hint are tried and lines of others (witnesses) are passed over, wherever they stand (7).
    """
    if len(checkpoint) > _CHECKPOINT_CHARACTERS:
        raise Rejected("checkpoint", "it is too long")
    note, separator, tail = checkpoint.partition("\n\n")
    lines = note.split("\n")
    if not separator or not tail.endswith("\n") or "\n\n" in tail or len(lines) < 3 or not lines[0]:
        raise Rejected("checkpoint", "it is no signed note of origin, size and root")
    try:
        size = int(lines[1]) if lines[1].isascii() and lines[1].isdigit() and len(lines[1]) < 20 else -1
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("checkpoint", f"its root is no base64: {error}") from error
    if size != proof.tree_size or root != proof.root_hash:
        raise Rejected("checkpoint", "it is about another tree than the inclusion proof")
    # Rekor v1 adds a tree id to the origin: "rekor.sigstore.dev - 1193050959916656506"
    names = {lines[0], lines[0].partition(" - ")[0]}
    found = [_SIGNATURE_LINE.fullmatch(line) for line in tail.removesuffix("\n").split("\n")]
    signers = [(match[1], match[2]) for match in found if match is not None]
    if len(signers) != len(found):
        raise Rejected("checkpoint", "a line of it is no signature")
    for name, encoded in signers:
        try:
            value = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        hint, signature = value[:_KEY_HINT_BYTES], value[_KEY_HINT_BYTES:]
        if name in names and hint == log.id[:_KEY_HINT_BYTES] and _verify(log, signature, (note + "\n").encode("utf-8")):
            return
    raise Rejected("checkpoint", "no signature of the log is on it")


def _verify(log: Log, signature: bytes, message: bytes) -> bool:
    try:
        return log.key.verify(signature, message)
    except ValueError as error:
        raise Rejected("log_known", f"the log's key in the trusted root cannot be used: {error}") from error
