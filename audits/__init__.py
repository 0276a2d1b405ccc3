"""Measure: a plan and a table of predictions become group estimates, intervals and verdicts."""
