"""What running on containers needs besides docker-compose.yml; standard library only."""
