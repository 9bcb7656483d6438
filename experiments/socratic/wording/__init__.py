"""What do the words of one tutor's turn show, read without a model? Standard library only."""
