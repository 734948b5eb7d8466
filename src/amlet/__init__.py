"""amlet: Azure Machine Learning SDK v1's workflow for scikit-learn at scale, off Azure."""
