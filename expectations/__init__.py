"""Validate data before anything is measured on it. Only this room imports Great Expectations."""
