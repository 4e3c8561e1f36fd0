"""What a site asks for, and who allows it."""
