"""Programs that show mega-typed at work; each is executed by a test."""
