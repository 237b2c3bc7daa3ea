"""The nouns: frozen data and pure functions, known to every stop of the path."""
