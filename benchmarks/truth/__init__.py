"""What `truth.py` runs: the project as each tool is given it, and a program for each tool."""
