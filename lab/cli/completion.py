"""mseelab completion: the script a shell needs to complete our commands."""

from __future__ import annotations

import click

from lab.cli import COMPLETE_VARIABLE, cli


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Shell completion: verbs, options, topologies, labs, and the nodes of the running lab.

    \b
    bash:  eval "$(mseelab completion bash)"      in ~/.bashrc
    zsh:   eval "$(mseelab completion zsh)"       in ~/.zshrc
    fish:  mseelab completion fish | source       in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "mseelab", COMPLETE_VARIABLE).source())
