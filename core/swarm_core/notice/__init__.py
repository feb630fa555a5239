"""Who is told of a job's end: webhooks and mail, from an outbox that is written with the end itself."""
