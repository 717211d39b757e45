"""SBOM readers: CycloneDX 1.2 to 1.7 as JSON and XML, SPDX 2.2 and 2.3 as JSON and tag-value, SPDX 3.0 as JSON-LD."""
