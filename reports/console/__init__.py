"""The web console: a report that one can answer."""
