"""``python -m flowforge``."""

from flowforge.cli import app

if __name__ == "__main__":
    app(prog_name="python -m flowforge")
