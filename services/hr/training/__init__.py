"""Training that the rules ask for, and its proof."""
