"""``gate completion``: print a script; nothing edits anybody's rc file."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a completion script.

    \b
    bash:  source <(gate completion bash)
    zsh:   source <(gate completion zsh)
    fish:  gate completion fish | source
    """
    found = get_completion_class(shell)
    assert found is not None
    root = ctx.find_root()
    # click's bash class runs bash to check its version when asked to *render*; the template alone needs no shell.
    script = found(root.command, {}, "gate", "_GATE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
