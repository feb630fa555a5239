"""What crosses a wire between swarm-sync's parts: ids, states, job spec, messages, heartbeat, errors.

Everything here is plain data and pure functions; nothing opens a socket or a file.
"""
