"""Mail: what it says (pure), the doors it comes through, and what becomes of it."""
