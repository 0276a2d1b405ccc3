"""The demo's company: its applicants, drawn from a documented process, and what its data scientist runs."""
