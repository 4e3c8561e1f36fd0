"""Kill everything, in random order, under load: what was answered holds, once, and everything heals."""
