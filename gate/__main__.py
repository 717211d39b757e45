"""The only place that turns errors into exit codes (design §4)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code and never raises anything but SystemExit from the interpreter itself."""
    import click

    from gate.cli import command
    from gate.cli.messages import complain
    from gate.errors import GateError

    for text in sys.argv[1:] if arguments is None else arguments:
        try:
            text.encode()
        except UnicodeEncodeError:
            complain(f"the argument {text!r} is not UTF-8", why="the record of the run could not hold it", fix="rename the file")
            return 2
    try:
        code = command.main(args=arguments, prog_name="gate", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except GateError as error:
        complain(error.what, why=error.why, fix=error.fix)
        return error.exit_code
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        hint = f"{error.ctx.command_path} --help" if isinstance(error, click.UsageError) and error.ctx else "gate --help"
        complain(error.format_message(), fix=f"{hint} shows what it takes")
        return 2
    except (click.Abort, KeyboardInterrupt) as stop:
        if isinstance(stop.__cause__, EOFError):
            # click takes every EOFError for a person who ended a prompt; one of its own has no cause.
            complain("internal error: something ended early", fix="remove __pycache__ folders; if it comes again, report it")
            return 4
        print("interrupted; nothing was decided", file=sys.stderr)
        return 130
    except (BrokenPipeError, SystemExit):
        # The reader went away; what it missed is a result that could not be delivered. (click ends the process with 1 for that,
        # which would say DENY; it ends it for nothing else.)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except OSError as error:
        complain(f"{error.filename or 'input or output'}: {error.strerror or error}", fix="check the path and the space left")
        return 3
    except RecursionError:
        complain("a document is nested too deeply", fix="look at the evidence files; `gate evidence read FILE` names the one")
        return 3
    except Exception as error:  # every unexpected exception is a bug and has its own code
        import traceback

        traceback.print_exc(limit=-12)
        complain(f"internal error: {type(error).__name__}: {error}", fix="this is a bug: report it with the lines above")
        return 4


def main() -> NoReturn:
    """Console entry point."""
    code = run()
    if code == 130:
        _leave(code)
    try:
        sys.stdout.flush()
    except OSError:
        # Python flushes once more at its end, and would end with 120 instead; and what was not delivered is no result.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 3
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End at once: Python would wait for threads that wait for a registry. They have a moment to remove what they made."""
    import threading
    import time

    from gate.children import end_all

    until = time.monotonic() + 1.0
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))
    end_all()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
