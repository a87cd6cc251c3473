"""An independent, literal counter (the oracle) that the closed form is tested against."""
