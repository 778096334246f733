"""Statistics that know no model: intervals, tests of two samples, distances and scores of embeddings."""
