"""What mega-typed costs, as ratios to what it replaces."""
