"""The record: what was decided, on which bytes, kept so that it can be replayed. Import `gate.audit.store`."""
