"""Registries over TLS: whose certificate is believed, and that nothing leads back to plain text."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gate.errors import EvidenceUnavailable
from gate.limits import Limits
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.push import RegistryWriter
from gate.oci.reference import parse
from gate.oci.registry import session_for
from gate.oci.source import ImageSource, open_source
from tests.fakes.images import digest_of, image
from tests.fakes.registry import FakeRegistry

APP = image()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server context for 127.0.0.1, and the PEM file of its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context, folder / "ca.pem"


def _fill(registry: FakeRegistry) -> None:
    """Without a request: the helper that pushes speaks plain HTTP."""
    registry.manifests["team/app", APP.digest] = (APP.media_type, APP.data)
    registry.tags["team/app", "1"] = APP.digest
    for digest, data in APP.blobs.items():
        registry.blobs["team/app", digest] = data


def _open(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> ImageSource:
    return open_source(f"{registry.host}/team/app:1", options=options, limits=limits)


def test_a_given_authority_is_believed(authority: tuple[ssl.SSLContext, Path], limits: Limits) -> None:
    """Registries of an organisation have certificates of its own authority."""
    with FakeRegistry(tls=authority[0]) as registry:
        _fill(registry)
        options = RegistryOptions(plain_http=False, ca_file=authority[1], environ={})
        source = _open(registry, options, limits)
        assert load(source, source.resolve()).subject.digest == APP.digest
        options.close()


def test_an_unknown_authority_is_not_believed(authority: tuple[ssl.SSLContext, Path], limits: Limits) -> None:
    """And the advice names the flag; there is none that switches the check off."""
    with FakeRegistry(tls=authority[0]) as registry:
        _fill(registry)
        options = RegistryOptions(plain_http=False, environ={})
        with pytest.raises(EvidenceUnavailable) as caught:
            _open(registry, options, limits).resolve()
        options.close()
    assert "--ca-file" in caught.value.fix


def test_a_redirect_from_tls_to_plain_http_is_refused(authority: tuple[ssl.SSLContext, Path], limits: Limits) -> None:
    """Even for a blob whose digest would be checked."""
    with FakeRegistry(tls=authority[0]) as registry, FakeRegistry() as plain:
        _fill(registry)
        registry.fail("GET .*/blobs/", status=307, headers={"location": f"http://{plain.host}/blob"})
        options = RegistryOptions(plain_http=False, ca_file=authority[1], environ={})
        source = _open(registry, options, limits)
        with pytest.raises(EvidenceUnavailable, match="unsafe address"):
            load(source, source.resolve())
        options.close()
        assert plain.log == []


def test_a_given_authority_is_believed_when_pushing(authority: tuple[ssl.SSLContext, Path], limits: Limits) -> None:
    """Streamed bodies go over the same connections, with the same trust; without it nothing is sent."""
    data = b"x" * 300_000
    digest = digest_of(data)
    with FakeRegistry(tls=authority[0]) as registry:
        where = parse(f"{registry.host}/team/app:1")
        for ca_file, good in ((authority[1], True), (None, False)):
            options = RegistryOptions(plain_http=False, ca_file=ca_file, environ={})
            writer = RegistryWriter(session_for(where, options, limits), limits)
            if good:
                assert writer.put_bytes(where, digest, data)
            else:
                with pytest.raises(EvidenceUnavailable, match="could not be had"):
                    writer.put_bytes(where, digest, data)
            options.close()
        assert registry.blobs["team/app", digest] == data
