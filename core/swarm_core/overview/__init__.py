"""The swarm at a glance: counts, the last hour, and what somebody should look at."""
