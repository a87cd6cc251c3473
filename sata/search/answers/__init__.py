"""Answers: kept on disk, evaluated again, written as mapping files."""
