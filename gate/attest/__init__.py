"""Statements that the gate makes, and the verification summary (VSA) that it makes and checks. Import the module needed."""
