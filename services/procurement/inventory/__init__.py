"""Stock as the sum of its moves."""
