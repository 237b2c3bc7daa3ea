"""The rim: one third party per file, each loaded only when its extra is used."""
