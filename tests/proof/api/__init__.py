"""Every operation of the public API under schemathesis, and garbage against it: `python -m tests.proof.api`."""
