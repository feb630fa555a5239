"""`python -m swarm_consumer` is `swarm`."""

from swarm_consumer.cli.main import main

if __name__ == "__main__":
    main()
