"""Who speaks, and where they may: the directory as the door reads it."""
