"""Licences, certificates and checks, with their evidence."""
