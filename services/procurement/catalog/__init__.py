"""What can be bought, in which units, at which price."""
