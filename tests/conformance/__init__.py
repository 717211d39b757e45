"""The sigstore-conformance suite against `gate.trust`."""
