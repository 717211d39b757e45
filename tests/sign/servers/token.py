"""A SoftHSM token in a folder: a real PKCS #11 module."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.tools import tool

PIN, LABEL, EMPTY = "4711-pin", "gate test", "release"
PARAMETERS = {
    "p256": ("06082a8648ce3d030107", "EC"),
    "p384": ("06052b81040022", "EC"),
    "p521": ("06052b81040023", "EC"),
    "secp256k1": ("06052b8104000a", "EC"),
    "ed25519": ("06032b6570", "EC_EDWARDS"),
}


class Token:
    """A token with a key of each kind, labelled by its kind, and an empty one. The module reads its configuration once."""

    def __init__(self, folder: Path) -> None:
        self.pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not here (requirements/servers.txt)")
        util = tool("softhsm2-util")
        places = [util.parent / "libsofthsm2.so", Path("/usr/lib/softhsm/libsofthsm2.so")]
        self.module = next((str(place) for place in places if place.is_file()), "")
        if not self.module:
            pytest.skip("the module of SoftHSM is not beside softhsm2-util (make tools)")
        (folder / "tokens").mkdir()
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.environ = {"COSIGN_PKCS11_MODULE_PATH": self.module, "COSIGN_PKCS11_PIN": PIN}
        environ = {"SOFTHSM2_CONF": str(self.configuration)}
        for label in (LABEL, EMPTY):  # before the module is loaded, since it sees no later ones
            init = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin", "--module", self.module]
            subprocess.run([str(util), *init], env=environ, check=True, capture_output=True, timeout=60)

    def fill(self) -> None:
        """Make the keys; SOFTHSM2_CONF must be set by now."""
        with self.open() as session:
            for name, (parameters, kind) in PARAMETERS.items():
                domain = {self.pkcs11.Attribute.EC_PARAMS: bytes.fromhex(parameters)}
                made = session.create_domain_parameters(self.pkcs11.KeyType[kind], domain, local=True)
                made.generate_keypair(store=True, label=name, id=name.encode())
            session.generate_keypair(self.pkcs11.KeyType.RSA, 2048, store=True, label="rsa", id=b"\xff\x01")

    def open(self) -> Any:
        """A session that may write."""
        return self.pkcs11.lib(self.module).get_token(token_label=LABEL).open(rw=True, user_pin=PIN)

    def uri(self, label: str) -> str:
        """Of the key with that label."""
        return f"pkcs11:token={LABEL.replace(' ', '%20')};object={label}"
