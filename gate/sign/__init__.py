"""Making signatures: key files, DSSE envelopes, Sigstore bundles. Import the module that is needed; nothing is loaded here."""
