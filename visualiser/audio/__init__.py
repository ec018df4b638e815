"""What we hear: where sound comes from (source) and what is heard in it (analysis)."""
