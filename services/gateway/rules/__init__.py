"""The rules dataset: reviewed law and practice as data, in versions."""
