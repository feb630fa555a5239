"""The core: takes jobs, queues them in Postgres, gives them to workers, brings results back."""

__version__ = "0.1.0"
