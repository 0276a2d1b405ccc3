"""Wire and run: settings, adapters, Prefect flows and the command line. Nobody imports this room."""
