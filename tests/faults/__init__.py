"""What the library promises under faults: real servers that are killed, frozen, cut off and promoted, on loopback only."""
