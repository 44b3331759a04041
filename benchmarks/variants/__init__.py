"""The ways to do the same work: with the library, with less, and with what others would use."""
