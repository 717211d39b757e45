"""``docs/interop.md``: written from the pairs that are tested."""

from __future__ import annotations

from tests.interop.pairs import PAIRS
from tests.tools import repository

PAGE = "docs/interop.md"
_HEAD = """# Other people's tools

What the gate signs, others verify; what others sign, the gate verifies. Each row below is a test that runs the real programs
(cosign 3.1, slsa-verifier 2.7, crane 0.22, oras 1.3). Where the registry could matter, there are three: Debian's docker-registry
and `crane registry serve`, which have no referrers API, and a registry of the tests that has it. Each signature is also checked
with a wrong key, which must be refused. A program that is not there is skipped by name. This page is written by
`python -m tests.interop.page`.

| made by | checked by | form | result |
|---|---|---|---|
"""
_TAIL = """
## Where things are put

| what | where | who finds it |
|---|---|---|
| `gate sign`, `gate attest`, `gate verify --attest --push` | Sigstore bundle v0.3 as an OCI 1.1 referrer | cosign 3, oras, gate |
| the same, in a registry without the referrers API | also under the tag `sha256-<digest>` | cosign 3, oras, gate |
| `--legacy-tags` | also `sha256-<digest>.sig` and `.att` | cosign 2 and older, admission controllers built on it |
| `gate verify --attest` | also files: `….vsa.sigstore.json`, and `….vsa.dsse.json` | cosign, slsa-verifier (bare DSSE) |
| the verdict | a referrer of type `application/vnd.policy-gate.verdict.v1+json` | oras, gate |

In an image layout, attachments lie among the blobs and not in `index.json`, as `cosign save` has it: tools that want one image in
a layout go on finding one. `gate copy` and `gate push` find them there; `oras cp --from-oci-layout -r` does not.

## What others do differently

* `cosign verify` takes any bundle by the right signer about the image for a signature, an SBOM attestation too. The gate does
  not.
* `cosign verify` looks at legacy tags only where there is no bundle, unless `cosign verify --new-bundle-format=false` is asked
  for. The gate looks at both and says which one counted.
* cosign 3 signs with a key and no log as `cosign sign --tlog-upload=false --use-signing-config=false`.
* `crane copy` and `skopeo copy` leave signatures behind. `gate copy`, `oras cp -r` and `cosign save` take them along.
* `cosign attest` writes in-toto statements v0.1, the gate v1; both read both.

## Registries

The fallback tag is changed without a lock, by every client. The gate sends `If-Match` where the registry gives an ETag, reads
the tag again after writing, and begins again when its entry is gone; entries of others are kept byte for byte. Two writers of
which one stalls between its reading and its writing can still lose an entry. A registry with the referrers API has no such tag.

Not tried, because no such account is at hand: Amazon ECR, Google Artifact Registry, Azure ACR, GHCR, Docker Hub, Harbor and Quay
themselves. Their ways of authentication (user names, challenges, token scopes, identity tokens, credential helpers, addresses of
uploads) are tested against a fake registry. ECR makes no repository by itself: create it before the first push.
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"| {pair.made_by} | {pair.checked_by} | {pair.form} | {pair.result} |\n" for pair in PAIRS)
    return _HEAD + rows + _TAIL


if __name__ == "__main__":
    (repository() / PAGE).write_text(page())
