"""`python -m weftline` is the program `weftline`."""

from weftline.cli.main import main

if __name__ == "__main__":
    main()
