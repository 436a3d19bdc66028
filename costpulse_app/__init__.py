"""The Streamlit app: pages over the roll-ups, and a health check."""
