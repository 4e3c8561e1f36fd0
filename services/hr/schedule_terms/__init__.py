"""The terms within which clinicians may be rostered, set by the clinical entity's owner."""
