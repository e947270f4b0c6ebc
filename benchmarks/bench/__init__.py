"""Speed, side by side: ours, the course's server, LitServe, and the bare pipeline as the limit."""
