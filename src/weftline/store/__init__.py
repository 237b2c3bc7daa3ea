"""Where results and journals are kept."""
