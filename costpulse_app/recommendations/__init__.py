"""The page Recommendations: what to change, what it is worth, what came of it, and what one of something costs."""
