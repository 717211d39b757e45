"""VEX: read OpenVEX, match it with findings, and say which statement holds. Nothing is deleted by it."""
