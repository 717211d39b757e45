"""Tests of `gate.trust`."""
