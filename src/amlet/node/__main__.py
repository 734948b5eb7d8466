"""`python -m amlet.node`: started by an engine, told all by its environment variables."""

import sys

from amlet.node.wiring import main

sys.exit(main())
