"""The only wiring: settings → opened ports → use cases → services and workers of one process."""
