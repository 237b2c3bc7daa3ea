"""The long-lived process: what it does by itself, and when."""
