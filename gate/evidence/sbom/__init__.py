"""SBOM readers: CycloneDX JSON 1.4 to 1.7 and SPDX JSON 2.2 and 2.3."""
