import sys

print("about to end")
sys.exit(7)
