"""The demo franchise and its story, made and played through the public API alone."""
