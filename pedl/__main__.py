"""`python -m pedl` is the command `pedl`."""

from pedl.cli.main import main

if __name__ == "__main__":
    main()
