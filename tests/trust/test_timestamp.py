"""RFC 3161 timestamps, by an authority made with the openssl program."""

from __future__ import annotations

import base64
import datetime
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gate.trust.root import load_trusted_root
from tests.trust.helpers import opened, reason
from tests.trust.simulator import Log, Signer, Sigstore, b64, plain_dsse

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl program to stamp with")

CONFIG = """
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
"""


class Authority:
    """A timestamp authority in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
        new = [
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-config",
            "tsa.cnf",
            "-days",
            "30",
        ]
        self._run(*new, "-x509", "-subj", "/CN=tsa root", "-extensions", "ca", "-keyout", "ca.key", "-out", "ca.pem")
        self._run(
            *new,
            "-x509",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-subj",
            "/CN=tsa",
            "-extensions",
            "leaf",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.pem",
        )

    def _run(self, *arguments: str) -> bytes:
        assert OPENSSL is not None
        done = subprocess.run([OPENSSL, *arguments], cwd=self.folder, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def stamp(self, data: bytes, *, embed: bool = True) -> bytes:
        """A response over the bytes, now."""
        (self.folder / "data").write_bytes(data)
        self._run("ts", "-query", "-data", "data", "-sha256", "-out", "query", *(["-cert"] if embed else []))
        self._run(
            "ts",
            "-reply",
            "-queryfile",
            "query",
            "-config",
            "tsa.cnf",
            "-section",
            "tsa",
            "-signer",
            "tsa.pem",
            "-inkey",
            "tsa.key",
            "-out",
            "reply",
        )
        return (self.folder / "reply").read_bytes()

    def describe(self, **validity: str) -> dict[str, Any]:
        """As a trusted root lists it."""
        ders = [self._run("x509", "-in", name, "-outform", "DER") for name in ("tsa.pem", "ca.pem")]
        start = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).isoformat()
        return {
            "uri": "https://tsa.example",
            "certChain": {"certificates": [{"rawBytes": b64(der)} for der in ders]},
            "validFor": {"start": start, **validity},
        }


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority."""
    return Authority(tmp_path_factory.mktemp("tsa"))


def _sim(tsa: Authority) -> Sigstore:
    sim = Sigstore()
    sim.tsas = [tsa.describe()]
    sim.tlogs = []
    return sim


def _with(bundle: dict[str, Any], token: bytes) -> dict[str, Any]:
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(token)}]}
    bundle["verificationMaterial"]["timestampVerificationData"] = stamps
    return bundle


def _signature(bundle: dict[str, Any]) -> bytes:
    return base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def _stamped(sim: Sigstore, tsa: Authority, signer: Signer, **changes: Any) -> dict[str, Any]:
    bundle = sim.dsse(signer, logs=[])
    return _with(bundle, tsa.stamp(_signature(bundle), **changes))


def _now_signer(sim: Sigstore, **changes: Any) -> Signer:
    begin = changes.pop("begin", datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1))
    return sim.signer(begin=begin, **changes)


@pytest.mark.parametrize("embed", [True, False])
def test_a_timestamp_is_a_time(tsa: Authority, embed: bool) -> None:
    """An instance without a log: the timestamp alone gives the certificate its time, with the waiver listed."""
    sim = _sim(tsa)
    verification = opened(_stamped(sim, tsa, _now_signer(sim), embed=embed), sim.trust(require_log=False)).verification
    assert verification.state == "verified", verification.reason
    assert verification.checks == ("signature", "timestamp", "certificate_chain", "certificate_profile", "sct", "identity")
    assert verification.relaxed == ("log",)
    assert verification.timestamp is not None
    assert verification.timestamp.endswith("Z")


def test_a_log_is_still_needed_unless_waived(tsa: Authority) -> None:
    """A timestamp does not replace a log entry."""
    sim = _sim(tsa)
    assert "0 logs" in reason(_stamped(sim, tsa, _now_signer(sim)), sim.trust())


def test_a_certificate_that_was_over_is_refused(tsa: Authority) -> None:
    """The timestamp says when, and the certificate did not hold then (5)."""
    sim = _sim(tsa)
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=2)
    assert "certificate_chain" in reason(_stamped(sim, tsa, _now_signer(sim, begin=old)), sim.trust(require_log=False))


def test_every_time_must_hold(tsa: Authority) -> None:
    """A good promise beside a timestamp at which the certificate was over is refused (5)."""
    sim = _sim(tsa)
    sim.tlogs = [sim.log]
    bundle = sim.dsse(sim.signer())
    token = tsa.stamp(_signature(bundle))
    assert opened(bundle, sim.trust()).verification.state == "verified"
    assert "certificate_chain" in reason(_with(bundle, token), sim.trust())


def test_a_timestamp_of_another_signature_is_refused(tsa: Authority) -> None:
    """A genuine token over something else."""
    sim = _sim(tsa)
    bundle = _with(sim.dsse(_now_signer(sim), logs=[]), tsa.stamp(b"other"))
    assert "did not make it for this signature" in reason(bundle, sim.trust(require_log=False))


def test_an_unknown_authority_counts_for_nothing(tsa: Authority, tmp_path: Path) -> None:
    """Beside a good promise it changes nothing; alone it is no time."""
    sim = _sim(Authority(tmp_path))
    sim.tlogs = [sim.log]
    bundle = sim.dsse(sim.signer())
    bundle = _with(bundle, tsa.stamp(_signature(bundle)))
    # both authorities of this test have the same names and other serial numbers
    assert "timestamp" not in opened(bundle, sim.trust()).verification.checks
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert "no verified time" in reason(bundle, sim.trust(require_log=False))


def test_a_token_that_cannot_be_read_is_refused(tsa: Authority) -> None:
    """Junk, and a cut token, are refused where timestamps can be judged."""
    sim = _sim(tsa)
    for token in (b"junk", tsa.stamp(b"x")[:-20]):
        bundle = _with(sim.dsse(_now_signer(sim), logs=[]), token)
        assert "cannot be read" in reason(bundle, sim.trust(require_log=False))


def test_the_authority_must_have_been_valid(tsa: Authority) -> None:
    """The range that the root gives the authority is enforced (6)."""
    sim = _sim(tsa)
    bundle = _stamped(sim, tsa, _now_signer(sim))
    end = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    sim.tsas = [tsa.describe(end=end.isoformat())]
    assert "outside the validity" in reason(bundle, sim.trust(require_log=False))


def test_a_root_without_authorities_cannot_judge(tsa: Authority) -> None:
    """Timestamps are then not looked at, and no time comes of them."""
    sim = _sim(tsa)
    bundle = _stamped(sim, tsa, _now_signer(sim))
    sim.tsas = []
    assert "no verified time" in reason(bundle, sim.trust(require_log=False))


def test_a_rekor_v2_entry_with_a_timestamp_verifies(tsa: Authority) -> None:
    """The way of Rekor v2: proof from the log, time from the authority, and the log key valid at that time."""
    sim = _sim(tsa)
    log = Log("v2.example", v2=True)
    sim.tlogs = [log]
    bundle = sim.dsse(_now_signer(sim), logs=[log])
    token = tsa.stamp(_signature(bundle))
    verification = opened(_with(bundle, token), sim.trust()).verification
    assert verification.state == "verified", verification.reason
    log.valid_for["end"] = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).isoformat()
    assert "was not valid" in reason(bundle, sim.trust())


def test_a_legacy_attestation_is_stamped_as_a_whole(tsa: Authority) -> None:
    """cosign has the authority sign the envelope's bytes for ``.att`` layers; a token over the bare signature does not do."""
    sim = _sim(tsa)
    signer = _now_signer(sim)
    data = json.dumps(plain_dsse(signer.key)).encode()
    for message, good in ((data, True), (_signature({"dsseEnvelope": json.loads(data)}), False)):
        annotations = {
            "dev.sigstore.cosign/certificate": signer.pem,
            "dev.sigstore.cosign/rfc3161timestamp": json.dumps({"SignedRFC3161Timestamp": b64(tsa.stamp(message))}),
        }
        verification = opened(data, sim.trust(require_log=False), annotations=annotations).verification
        assert (verification.state == "verified") == good


def test_the_roots_of_the_test_are_whole(tsa: Authority) -> None:
    """The authority's description is a root that loads."""
    assert load_trusted_root(json.dumps(_sim(tsa).document()).encode())[0].timestamp_authorities
