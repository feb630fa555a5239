"""Recurring jobs: when a schedule is due, what is made of an occurrence, and the schedules themselves."""
