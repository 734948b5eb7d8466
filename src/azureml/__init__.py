"""v1's namespace. Everything in it is a name of something in amlet.sdk."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)

from amlet.sdk.beside_microsoft import tell_once as _tell_once

_tell_once(__path__)
