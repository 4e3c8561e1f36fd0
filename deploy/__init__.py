"""How Partywall is put on a machine: the local launcher and the container files."""
