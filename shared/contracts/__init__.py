"""The facts services tell each other. A type changes only by addition; a breaking change is a new type."""
