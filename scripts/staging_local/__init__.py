"""The topology of docker-compose.staging.yml as processes of this machine, in one command up and in one down."""
