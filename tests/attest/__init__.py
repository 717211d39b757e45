"""Tests of gate/attest."""
