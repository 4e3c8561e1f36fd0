"""Files of charges from the clinical system, taken in once."""
