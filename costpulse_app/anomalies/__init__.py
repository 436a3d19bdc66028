"""Parts of the page Anomalies."""
