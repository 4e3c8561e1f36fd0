"""What the rules say of positions: who is a clinician, what a position needs."""
