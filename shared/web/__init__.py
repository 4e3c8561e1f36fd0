"""HTTP for every service: one create_app, problems, operations, fields and pages."""
