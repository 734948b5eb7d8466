"""`python -m amlet.server`."""

import sys

from amlet.server.main import main

sys.exit(main())
