"""One file per kind of key service; `gate.sign.signer.SERVICES` says which. None is imported before a key of its kind is named."""
