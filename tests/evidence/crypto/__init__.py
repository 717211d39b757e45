"""Tests of algorithms, certificates and keys."""
