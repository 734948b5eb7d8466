"""How quick and how light amlet is: our figure beside a floor or a peer that is measured in the same run."""
