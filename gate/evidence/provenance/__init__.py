"""Provenance: SLSA statements as facts, and where the chain from source to binary is broken."""
