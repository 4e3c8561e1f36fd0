"""Who employs whom, and who may."""
