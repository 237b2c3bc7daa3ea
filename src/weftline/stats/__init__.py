"""Small numerical methods without state of their own elsewhere: pure, each with the source of its formula."""
