"""Results for people: page, charts, history and JUnit XML."""
