"""The `swarm` command. Each module is one group of commands and is loaded when one of them is used."""
