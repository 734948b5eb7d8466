"""The commands, a file each; `amlet.cli.root` names them all."""
