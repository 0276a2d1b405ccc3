"""One suite per kind of data set, as code, with a severity on every line."""
