"""Where the code of code steps runs: out of reach of files, network and environment."""

from flowforge.sandbox.python import CodeError, CodeResult, Sandbox, check_code

__all__ = ["CodeError", "CodeResult", "Sandbox", "check_code"]
