"""The small library every service stands on. It knows no service."""
