"""One file per kind of key service; `gate.sign.signer.SERVICES` says which. None is imported before it is needed."""
