"""Verifying: trust roots, keys, identities, DSSE, Sigstore bundles, legacy cosign signatures, timestamps, transparency logs.

Pure: no file, socket or clock is touched here. `gate.trust.verifier` opens with the invariants; `gate.trust.envelope` is what
others call.
"""
