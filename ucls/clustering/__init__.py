"""The work of the stages on arrays, whatever reads and writes them: run folders, or nothing."""
