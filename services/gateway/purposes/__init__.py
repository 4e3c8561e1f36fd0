"""Purpose grants: a clinical-entity owner opens patient-level data to a named person."""
