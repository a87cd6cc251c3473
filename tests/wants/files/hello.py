"""`sata hello`: says how many architectures ship."""

import click


@click.command(short_help="Count what ships.")
def hello() -> None:
    """Say how many architectures ship."""
    from sata.specs.shipped import list_shipped_files

    click.echo(f"{len(list_shipped_files(['arch']))} architectures")
