"""Where bytes lie: blobs by hash, packs of small ones, trees unpacked on nodes."""
