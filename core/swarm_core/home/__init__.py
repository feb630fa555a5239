"""`swarm up`: embedded servers, their supervisor and the folders they live in."""
