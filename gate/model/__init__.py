"""The contracts: ``gate.input/v1``, ``gate.verdict/v1`` and ``gate.policy/v1`` as frozen types. No behaviour beyond shape."""
