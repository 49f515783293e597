"""The tables of the papers that ``ucls pretrain`` takes its methods from, beside our runs."""
