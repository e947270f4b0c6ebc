"""Watches what comes in and what goes out: statistics, baselines, drift, alarms."""
