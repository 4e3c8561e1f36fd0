"""The demo story as tests: the whole platform, its public API, the people of the demo franchise."""
