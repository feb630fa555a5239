"""The REST interface: routes parse a request, ask a service and encode the answer. Decisions live in the services."""
