"""What nobody would bring on purpose, brought at random: ``python -m tests.fuzz requests|folders|files|links``."""
