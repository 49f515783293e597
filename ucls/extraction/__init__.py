"""From pictures to tokens in a cache: decoding, computing and writing overlap."""
