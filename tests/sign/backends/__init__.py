"""Key services, each against its server."""
