"""What every layer needs: errors, names, ids, time, paths, hashing, ignore rules."""
