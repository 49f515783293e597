"""``python -m ucls``: the command ``ucls``."""

from ucls.cli.main import main

if __name__ == "__main__":
    main()
