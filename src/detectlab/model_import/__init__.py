"""Files of a user become a detector: read, validated, normalised, registered."""
